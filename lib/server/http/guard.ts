import type { Logger } from "@logtape/logtape";
import type { Access, AccessDenial, RenewingMember } from "../../chat/access.ts";
import { CLOSE_CODES } from "../../chat/close_code.ts";
import type { FieldMap } from "../../websocket/http_head.ts";
import type { AddressLimits } from "../security/address_limits.ts";
import { ipOf } from "../security/ip_address.ts";
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
  /** Verifies tokens. Returns a promise only if there is something to wait for. */
  readonly accessControl: {
    authenticate(headers: FieldMap): Access | Refusal | Promise<Access | Refusal>;
    renew(token: string, user: string | null): Access | Refusal | Promise<Access | Refusal>;
  };
  readonly logger: Logger;
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
    const { proxies, accessControl } = this.#options;
    const ip = proxies.clientOf(peer.ip, headers);
    const limited = this.#limit(ip, purpose);
    if (limited) return limited;
    const address = ip === peer.ip ? peer.address : ip;
    const admit = (access: Access | Refusal): Visitor | Refusal => {
      if (isRefusal(access)) {
        if (hasToken(access)) this.#refuseToken(access, ip, { address, requestId });
        return access;
      }
      return refuseAccess(access, purpose, roomName) ??
        { access, address, ip, requestId };
    };
    const access = accessControl.authenticate(headers);
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
   * Verifies the new token of a member. Limits wrong ones as those of requests: a member that goes
   * on when its address has sent too many is closed.
   */
  renew(
    token: string,
    { id, address, access }: RenewingMember,
  ): Access | AccessDenial | Promise<Access | AccessDenial> {
    const ip = ipOf(address) ?? address;
    const refused = this.#refuseGuess(ip);
    if (refused) return { ...refused, closeCode: CLOSE_CODES.rateLimited };
    const admit = (renewed: Access | Refusal) => {
      if (isRefusal(renewed)) this.#refuseToken(renewed, ip, { id });
      return renewed;
    };
    const renewed = this.#options.accessControl.renew(token, access.user);
    return renewed instanceof Promise ? renewed.then(admit) : admit(renewed);
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

  /** Counts a token that is refused, and logs why: a browser does not tell a page. */
  #refuseToken({ status, message }: Refusal, ip: string, sender: TokenSender): void {
    if (status === 401) this.#countWrongToken(ip);
    const { id, address, requestId } = sender;
    const subject = id === undefined ? "{address}" : "{id}";
    const forRequest = requestId === undefined ? "" : " (request {requestId})";
    const line = `${subject} sent a token that was refused with {status}: {reason}${forRequest}`;
    this.#options.logger.debug(line, {
      ...(id === undefined ? { address } : { id }),
      ...{ status, reason: message },
      ...(requestId === undefined ? {} : { requestId }),
    });
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

/** What the log tells about the sender of a token. */
interface TokenSender {
  /** The UUID of its connection, if it has one. */
  readonly id?: string;
  /** Its address, if it has no connection. */
  readonly address?: string;
  readonly requestId?: string | undefined;
}

/** Whether a refused request has a token. One without a token is no attempt to guess one. */
function hasToken({ headers }: Refusal): boolean {
  return headers["www-authenticate"] !== CHALLENGE;
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
