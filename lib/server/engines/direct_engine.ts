import { generate as generateUuid } from "@std/uuid/v7";
import { CLOSE_CODES, type CloseCode } from "../../chat/close_code.ts";
import type { Member } from "../../chat/member.ts";
import { CHORUS_PROTOCOL } from "../../chat/chorus_v1.ts";
import type { Wire } from "../../chat/wire.ts";
import type { CloseStatus } from "../../websocket/close_frame.ts";
import {
  Connection,
  type ConnectionListener,
  type ConnectionOptions,
} from "../../websocket/connection.ts";
import { handshakeResponse } from "../../websocket/handshake.ts";
import { Heartbeat } from "../../websocket/heartbeat.ts";
import type { MessageOpcode } from "../../websocket/frame.ts";
import type { Transport } from "../../websocket/transport.ts";
import type { Chat } from "../../chat/chat.ts";
import type { ServerConfig } from "../config.ts";
import type { AdmittedConnection } from "./gateway.ts";

/**
 * The engine on TCP sockets and lib/websocket: what it sends is cut straight out of the log's memory, whole frames at a time,
 * with one system call for many messages.
 */
export class DirectEngine implements Disposable {
  readonly #chat: Chat;
  readonly #options: ConnectionOptions;
  readonly #heartbeat: Heartbeat;
  /** Every connection that has not ended, also those that have left the chat and wait for their peer's close frame. */
  readonly #wires = new Set<DirectWire>();
  readonly #whenEmpty = Promise.withResolvers<void>();
  #isClosing = false;

  constructor(config: ServerConfig, chat: Chat) {
    this.#chat = chat;
    this.#heartbeat = new Heartbeat(config);
    this.#options = {
      role: "server",
      maxMessageBytes: config.maxMessageBytes,
      clock: this.#heartbeat,
    };
  }

  /** How many connections there are, those that are closing among them. */
  get size(): number {
    return this.#wires.size;
  }

  /** Completes a handshake and serves the connection. `received` is what has come in behind it. */
  serve({ transport, key, joinRequest, received, address }: AdmittedConnection): void {
    const wire = new DirectWire(transport, {
      chat: this.#chat,
      options: this.#options,
      onEnded: () => {
        this.#heartbeat.delete(wire.connection);
        this.#wires.delete(wire);
        if (this.#isClosing && this.#wires.size === 0) this.#whenEmpty.resolve();
      },
    });
    const { id, connection } = wire;
    this.#heartbeat.add(connection);
    this.#wires.add(wire);
    const protocol = joinRequest.format === "chorus" ? CHORUS_PROTOCOL : undefined;
    connection.sendFrames(handshakeResponse(key, protocol));
    this.#chat.join({ id, wire, address }, joinRequest, (member) => wire.member = member);
    if (received.length > 0) connection.onData(received);
  }

  /** Closes every connection with 1001 and resolves when the last of them has ended. */
  async closeAll(): Promise<void> {
    this.#isClosing = true;
    for (const wire of this.#wires) wire.close(CLOSE_CODES.goingAway);
    if (this.#wires.size > 0) await this.#whenEmpty.promise;
  }

  /** Ends what is left. */
  [Symbol.dispose](): void {
    for (const { connection } of this.#wires) {
      connection.destroy({ code: 1006, reason: "the server has stopped" });
    }
    this.#heartbeat[Symbol.dispose]();
  }
}

/** A connection between lib/websocket and its member in the chat. */
class DirectWire implements Wire, ConnectionListener {
  readonly id = generateUuid();
  readonly connection: Connection;
  readonly #chat: Chat;
  readonly #onEnded: () => void;
  /** Set as soon as it is in the chat, which is before anything is received. */
  member!: Member;

  constructor(
    transport: Transport,
    { chat, options, onEnded }: {
      readonly chat: Chat;
      readonly options: ConnectionOptions;
      readonly onEnded: () => void;
    },
  ) {
    this.#chat = chat;
    this.#onEnded = onEnded;
    this.connection = new Connection(transport, options, this);
  }

  deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    return this.connection.deliver(frames, onDelivered);
  }

  sendFrames(frames: Uint8Array<ArrayBuffer>): void {
    this.connection.sendFrames(frames);
  }

  close({ code, reason }: CloseCode): void {
    this.connection.close(code, reason);
  }

  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void {
    this.#chat.receive(this.member, opcode, bytes, start, end);
  }

  onClosing(): void {
    this.#chat.leave(this.member);
  }

  onClosed(status: CloseStatus): void {
    this.#onEnded();
    this.#chat.ended(this.member, status);
  }

  get backlog(): Promise<void> | undefined {
    return this.member.room.backlog;
  }
}
