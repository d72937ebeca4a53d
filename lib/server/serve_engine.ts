import type { Logger } from "@logtape/logtape";
import { generate as generateUuid } from "@std/uuid/v7";
import { broadcast } from "../chat/broadcast.ts";
import { CLOSE_CODES, type CloseCode } from "../chat/close_code.ts";
import type { Connection, Registry } from "../chat/registry.ts";
import type { ServerConfig } from "./config.ts";

/** A peer that sends nothing, not even the pong to Deno's ping, for this long is disconnected. */
const IDLE_TIMEOUT_S = 30;

/** What the engine needs from the composition root. */
export interface ServeEngineOptions {
  readonly config: ServerConfig;
  readonly registry: Registry;
  readonly logger: Logger;
}

/**
 * The engine on `Deno.serve` and `Deno.upgradeWebSocket`: turns requests into members of the chat.
 *
 * ```text
 * upgrade ──▶ connecting ──open──▶ in the registry ──close, error, given up──▶ out of it ──close──▶ socket gone
 * ```
 */
export class ServeEngine {
  readonly #config: ServerConfig;
  readonly #registry: Registry;
  readonly #logger: Logger;
  /** Every socket that has not ended, also those that left the registry and wait for their peer's close frame. */
  readonly #members = new Set<Member>();
  readonly #whenEmpty = Promise.withResolvers<void>();
  #isClosing = false;

  constructor({ config, registry, logger }: ServeEngineOptions) {
    this.#config = config;
    this.#registry = registry;
    this.#logger = logger;
  }

  /** Answers a request that has passed admission with the upgrade to a WebSocket, and serves that. */
  upgrade(request: Request, address: string): Response {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: IDLE_TIMEOUT_S });
    socket.binaryType = "arraybuffer";
    const member = new Member(socket);
    this.#members.add(member);
    socket.onopen = () => this.#opened(member, address);
    socket.onmessage = ({ data }) => this.#received(member, data);
    socket.onerror = (event) =>
      this.#failed(member, event instanceof ErrorEvent ? event.message : "");
    socket.onclose = ({ code, reason }) => this.#closed(member, code, reason);
    return response;
  }

  /** Closes every connection with 1001 and resolves when the last of them has ended. */
  async closeAll(): Promise<void> {
    this.#isClosing = true;
    for (const member of this.#members) this.#giveUp(member, CLOSE_CODES.goingAway);
    if (this.#members.size > 0) await this.#whenEmpty.promise;
  }

  #opened(member: Member, address: string): void {
    if (this.#isClosing) {
      this.#giveUp(member, CLOSE_CODES.goingAway);
      return;
    }
    this.#registry.add(member);
    this.#logger.info("{id} connected from {address}", { id: member.id, address });
    if (this.#config.greeting !== "") this.#send(member, this.#config.greeting);
  }

  #received(member: Member, data: string | ArrayBuffer): void {
    // What a peer says after it was given up, before it has seen the close frame, is not for the others.
    if (!this.#registry.has(member.id)) return;
    if (typeof data !== "string" && !this.#config.binary) {
      this.#giveUp(member, CLOSE_CODES.unsupportedData);
      return;
    }
    if (this.#config.logMessages) {
      const text = typeof data === "string" ? data : `(${data.byteLength} bytes)`;
      this.#logger.info("{id} says: {text}", { id: member.id, text });
    }
    const { failed } = broadcast(this.#registry, member.id, data, { echo: this.#config.echo });
    for (const { connection, error } of failed) this.#failed(connection, String(error));
  }

  #send(member: Member, message: string): void {
    try {
      member.send(message);
    } catch (error) {
      this.#failed(member, String(error));
    }
  }

  #failed(member: Connection, error: string): void {
    this.#logger.warning("{id} failed: {error}", { id: member.id, error });
    this.#registry.remove(member.id);
  }

  #giveUp(member: Member, verdict: CloseCode): void {
    this.#registry.remove(member.id);
    member.close(verdict);
  }

  #closed(member: Member, code: number, reason: string): void {
    this.#registry.remove(member.id);
    this.#members.delete(member);
    // After a close of ours Deno may report another code than the one that was sent.
    const closed = member.verdict ?? { code, reason };
    this.#logger.info("{id} disconnected with {code} {reason}", {
      id: member.id,
      code: closed.code,
      reason: closed.reason,
    });
    if (this.#isClosing && this.#members.size === 0) this.#whenEmpty.resolve();
  }
}

/** One WebSocket of Deno's as the chat sees it. */
class Member implements Connection {
  readonly id = generateUuid();
  readonly #socket: WebSocket;
  #verdict: CloseCode | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Why the server closed this connection, if it was the server. */
  get verdict(): CloseCode | undefined {
    return this.#verdict;
  }

  send(message: string | ArrayBuffer): void {
    this.#socket.send(message);
  }

  close(verdict: CloseCode): void {
    if (!this.isOpen) return;
    this.#verdict = verdict;
    this.#socket.close(verdict.code, verdict.reason);
  }
}
