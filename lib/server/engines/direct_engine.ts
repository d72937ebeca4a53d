import type { Chat } from "../../chat/chat.ts";
import type { JoinRequest } from "../../chat/join_request.ts";
import { CLOSE_CODES } from "../../chat/close_code.ts";
import type { Member } from "../../chat/members/member.ts";
import type { RateLimit } from "../../chat/members/rate_limit.ts";
import type { CloseStatus } from "../../websocket/close_frame.ts";
import {
  Connection,
  type ConnectionListener,
  type ConnectionOptions,
} from "../../websocket/connection.ts";
import type { MessageOpcode } from "../../websocket/frame.ts";
import { handshakeResponse } from "../../websocket/handshake.ts";
import { type Due, Heartbeat } from "../../websocket/heartbeat.ts";
import type { Transport } from "../../websocket/transport/transport.ts";
import type { ServerConfig } from "../config.ts";
import type { Visitor } from "../http/guard.ts";
import type { ServerCounters } from "../metrics/server_counters.ts";
import { newConnectionId } from "./connection_id.ts";
import type { EngineParts, OpenWires } from "./open_wires.ts";

/** The reason with which the heartbeat ends a connection that reads nothing. */
const STALLED: Due = "stalled reader";

/** A connection that is admitted to the chat. Its handshake is not answered yet. */
export interface AdmittedConnection {
  readonly transport: Transport;
  /** The value of `Sec-WebSocket-Key`. */
  readonly key: string;
  readonly joinRequest: JoinRequest;
  /** The bytes received after the handshake. */
  readonly received: Uint8Array;
  readonly visitor: Visitor;
}

/**
 * The engine on TCP sockets and lib/websocket. It writes whole frames straight out of the log's
 * memory: many messages with one system call, and no copy.
 */
export class DirectEngine implements Disposable {
  readonly #wires: OpenWires;
  readonly #counters: ServerCounters;
  readonly #heartbeat: Heartbeat;
  readonly #chat: Chat;
  readonly #options: ConnectionOptions;
  readonly #onEnded = (connection: Connection) => {
    this.#heartbeat.delete(connection);
    this.#wires.delete(connection);
  };

  constructor(config: ServerConfig, { chat, wires, counters }: EngineParts) {
    this.#chat = chat;
    this.#counters = counters;
    this.#wires = wires;
    this.#heartbeat = new Heartbeat(config);
    this.#options = {
      role: "server",
      maxMessageBytes: config.maxMessageBytes,
      clock: this.#heartbeat,
    };
  }

  /** Answers the handshake and adds the connection to the chat. */
  serve({ transport, key, joinRequest, received, visitor }: AdmittedConnection): void {
    const listener = new ChatListener(this.#chat, this.#onEnded);
    const connection = new Connection(transport, this.#options, listener);
    listener.connection = connection;
    this.#heartbeat.add(connection);
    this.#wires.add(connection, visitor.ip);
    this.#counters.countHandshake("accepted");
    connection.sender.sendFrames(handshakeResponse(key, joinRequest.protocol));
    const { access, address, requestId } = visitor;
    const newConnection = { id: newConnectionId(), wire: connection, access, address, requestId };
    this.#chat.join(newConnection, joinRequest, listener);
    if (received.length > 0) connection.onData(received);
  }

  /** Destroys the connections that are left. */
  [Symbol.dispose](): void {
    for (const wire of this.#wires) {
      if (!(wire instanceof Connection)) continue;
      wire.destroy({ code: 1006, reason: "the server has stopped" });
    }
    this.#heartbeat[Symbol.dispose]();
  }
}

/** Passes what a `Connection` of lib/websocket reports to the chat. */
class ChatListener implements ConnectionListener {
  readonly #chat: Chat;
  readonly #onEnded: (connection: Connection) => void;
  connection!: Connection;
  /** Set on joining the chat, before the connection receives anything; unset if it cannot join. */
  member: Member | undefined;
  /** Set while the connection is not read from, because its member exceeds its rates. */
  #pause: Pause | undefined;

  constructor(chat: Chat, onEnded: (connection: Connection) => void) {
    this.#chat = chat;
    this.#onEnded = onEnded;
  }

  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void {
    this.#chat.receive(this.member!, opcode, bytes, start, end);
  }

  onClosing({ code }: CloseStatus): void {
    this.#pause?.end();
    // A peer may close with this code as well, for a message that it does not want.
    const isTooBig = code === CLOSE_CODES.messageTooBig.code && !this.connection.isCloseReceived;
    if (isTooBig) this.#chat.counters.limits.message_size++;
    if (this.member) this.#chat.leave(this.member);
  }

  onClosed(status: CloseStatus): void {
    this.#onEnded(this.connection);
    if (status.reason === STALLED) this.#chat.counters.slowReaders.stalled++;
    if (this.member) this.#chat.ended(this.member, status);
  }

  get backlog(): Promise<void> | undefined {
    const { member } = this;
    return (member?.rateLimit && this.#paused(member.rateLimit)) ?? member?.room.backlog;
  }

  /** Resolves when a member that exceeds a rate may be read from again. */
  #paused(rateLimit: RateLimit): Promise<void> | undefined {
    // A connection that closes is read from, up to the peer's close frame.
    if (this.#pause || !this.connection.isOpen) return this.#pause?.ended;
    const pauseMs = rateLimit.pauseMs();
    if (pauseMs > 0) this.#pause = new Pause(pauseMs, () => this.#pause = undefined);
    return this.#pause?.ended;
  }
}

/** The longest time that a timer of the system takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A time that ends by itself, or earlier with {@linkcode end}. */
class Pause {
  readonly ended: Promise<void>;
  readonly end: () => void;

  constructor(ms: number, onEnded: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.end = () => {
      clearTimeout(timer);
      onEnded();
      resolve();
    };
    const timer = setTimeout(this.end, Math.min(ms, MAX_TIMER_MS));
  }
}
