import type { Access } from "../../chat/access.ts";
import type { FieldMap } from "../../websocket/http_head.ts";
import type { AddressLimits } from "../security/address_limits.ts";
import type { Proxies } from "../security/proxies.ts";
import { CHALLENGE, isRefusal, type Refusal, refusal, TOO_MANY } from "./refusal.ts";

/** The other end of a connection: a client, or a proxy. */
export interface Peer {
  /** Its address and port, such as `127.0.0.1:50000`. */
  readonly address: string;
  /** Its IP address. */
  readonly ip: string;
  /** Called before its connection is reset, because it reads nothing. An event stream sets this. */
  onStalled?: () => void;
}

/** The sender of a request that the guard has admitted. */
export interface Visitor {
  readonly access: Access;
  /** Its address and port; the IP address alone if a proxy has told it. */
  readonly address: string;
  /** Its IP address. */
  readonly ip: string;
  /** The id of its request, if it has one. */
  readonly requestId: string | undefined;
}

/** What a request is for: to join a room, to read or publish without joining, or to list rooms. */
export type Purpose = "join" | "read" | "publish" | "list";

/** The part of a request that the guard needs. */
export interface GuardedRequest {
  readonly peer: Peer;
  readonly headers: FieldMap;
  /** Undefined if the client and its proxies have not given the request an id. */
  readonly requestId: string | undefined;
}

/** What a {@linkcode Guard} asks. */
export interface GuardOptions {
  /** Finds the client behind proxies. */
  readonly proxies: Pick<Proxies, "clientOf">;
  readonly addressLimits: Pick<
    AddressLimits,
    "connections" | "handshake" | "publish" | "tokenWaitMs" | "countWrongToken"
  >;
  /** Reads a clock that never goes back, in milliseconds. */
  readonly monotonicMs: () => number;
  /** Verifies the token of a request. A promise only if there is something to wait for. */
  readonly authenticate: (headers: FieldMap) => Access | Refusal | Promise<Access | Refusal>;
}

/**
 * Decides about the admission of clients: for WebSockets of both engines, event streams, and the
 * HTTP API. Unlike `admit()`, it knows the client, and counts what the client does.
 */
export class Guard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Admits the sender of a request, or refuses it.
   *
   * @param roomName The room that the request is about; undefined to list rooms.
   */
  enter(
    { peer, headers, requestId }: GuardedRequest,
    purpose: Purpose,
    roomName?: string,
  ): Visitor | Refusal | Promise<Visitor | Refusal> {
    const { proxies, authenticate } = this.#options;
    const ip = proxies.clientOf(peer.ip, headers);
    const limited = this.#limit(ip, purpose);
    if (limited) return limited;
    const address = ip === peer.ip ? peer.address : ip;
    const admit = (access: Access | Refusal): Visitor | Refusal => {
      if (isRefusal(access)) {
        if (hasWrongToken(access)) this.#countWrongToken(ip);
        return access;
      }
      return refuseAccess(access, purpose, roomName) ??
        { access, address, ip, requestId };
    };
    const access = authenticate(headers);
    return access instanceof Promise ? access.then(admit) : admit(access);
  }

  /**
   * Refuses one more connection of an address that has too many. Call it again right before the
   * client joins: its address may have more connections by then.
   */
  refuseConnection({ ip }: Pick<Visitor, "ip">): Refusal | undefined {
    return this.#options.addressLimits.connections.isFull(ip) ? TOO_MANY.connections() : undefined;
  }

  /**
   * Authenticates the sender of a request with another secret than a token, such as that of
   * administrators. Limits wrong secrets as wrong tokens.
   *
   * @param isRight Whether the request has the secret; undefined if it has none.
   * @returns A refusal if there were too many wrong ones. Then the secret is not checked.
   */
  checkSecret(
    { peer, headers }: Pick<GuardedRequest, "peer" | "headers">,
    isRight: () => boolean | undefined,
  ): { readonly ip: string; readonly isRight: boolean | undefined } | Refusal {
    const ip = this.#options.proxies.clientOf(peer.ip, headers);
    const refused = this.#refuseGuess(ip);
    if (refused) return refused;
    const checked = isRight();
    if (checked === false) this.#countWrongToken(ip);
    return { ip, isRight: checked };
  }

  #countWrongToken(ip: string): void {
    const { addressLimits, monotonicMs } = this.#options;
    addressLimits.countWrongToken(ip, monotonicMs());
  }

  #refuseGuess(ip: string): Refusal | undefined {
    const { addressLimits, monotonicMs } = this.#options;
    const waitMs = addressLimits.tokenWaitMs(ip, monotonicMs());
    return waitMs > 0 ? TOO_MANY.wrongTokens(waitMs) : undefined;
  }

  #limit(ip: string, purpose: Purpose): Refusal | undefined {
    const { addressLimits, monotonicMs } = this.#options;
    if (purpose === "join") {
      const waitMs = addressLimits.handshake(ip, monotonicMs());
      return waitMs > 0 ? TOO_MANY.handshakes(waitMs) : this.refuseConnection({ ip });
    }
    const refused = this.#refuseGuess(ip);
    if (refused || purpose !== "publish") return refused;
    const waitMs = addressLimits.publish(ip, monotonicMs());
    return waitMs > 0 ? TOO_MANY.publishes(waitMs) : undefined;
  }
}

/** Whether a request was refused for its token. One without a token is no attempt to guess one. */
function hasWrongToken({ status, headers }: Refusal): boolean {
  return status === 401 && headers["www-authenticate"] !== CHALLENGE;
}

/** Refuses what the client may not do in the room. */
function refuseAccess(
  access: Access,
  purpose: Purpose,
  roomName: string | undefined,
): Refusal | undefined {
  if (roomName === undefined) return undefined;
  const isPublish = purpose === "publish";
  if (isPublish ? access.mayPublish(roomName) : access.mayRead(roomName)) return undefined;
  const verb = isPublish ? "publish in" : "read";
  return access.user === null
    ? refusal(401, `Clients without a token may not ${verb} this room: send a token`, {
      "www-authenticate": CHALLENGE,
    })
    : refusal(403, `This token does not allow you to ${verb} this room`, {
      "www-authenticate": `${CHALLENGE}, error="insufficient_scope"`,
    });
}
