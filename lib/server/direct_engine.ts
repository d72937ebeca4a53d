import { generate as generateUuid } from "@std/uuid/v7";
import { CLOSE_CODES, type CloseCode } from "../chat/close_code.ts";
import type { Cursor } from "../chat/message_log.ts";
import type { Room } from "../chat/room.ts";
import type { CloseStatus } from "../websocket/close_frame.ts";
import {
  Connection,
  type ConnectionListener,
  type ConnectionOptions,
} from "../websocket/connection.ts";
import { encodeFrame } from "../websocket/frame.ts";
import { handshakeResponse } from "../websocket/handshake.ts";
import { Heartbeat } from "../websocket/heartbeat.ts";
import { type MessageOpcode, OPCODE } from "../websocket/opcode.ts";
import type { Transport } from "../websocket/transport.ts";
import type { Chat, ChatMember } from "./chat.ts";
import type { ServerConfig } from "./config.ts";
import type { AdmittedConnection } from "./front_door.ts";

/**
 * The engine on TCP sockets and lib/websocket: what it sends is cut straight out of the log's memory, whole frames at a time,
 * with one system call for many messages.
 */
export class DirectEngine implements Disposable {
  readonly #chat: Chat;
  readonly #options: ConnectionOptions;
  readonly #heartbeat: Heartbeat;
  /** Every connection that has not ended, also those that have left the chat and wait for their peer's close frame. */
  readonly #members = new Set<DirectMember>();
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
    return this.#members.size;
  }

  /** Completes a handshake and serves the connection. `received` is what has come in behind it. */
  serve({ transport, key, room, received, address }: AdmittedConnection): void {
    const member = new DirectMember(this.#chat, room, transport, this.#options, () => {
      this.#heartbeat.delete(member.connection);
      this.#members.delete(member);
      if (this.#isClosing && this.#members.size === 0) this.#whenEmpty.resolve();
    });
    const { connection } = member;
    this.#heartbeat.add(connection);
    this.#members.add(member);
    connection.sendPrivate(handshakeResponse(key));
    this.#chat.join(member, address);
    if (received.length > 0) connection.onData(received);
  }

  /** Closes every connection with 1001 and resolves when the last of them has ended. */
  async closeAll(): Promise<void> {
    this.#isClosing = true;
    for (const member of this.#members) member.giveUp(CLOSE_CODES.goingAway);
    if (this.#members.size > 0) await this.#whenEmpty.promise;
  }

  /** Ends what is left. */
  [Symbol.dispose](): void {
    for (const { connection } of this.#members) {
      connection.destroy({ code: 1006, reason: "the server has stopped" });
    }
    this.#heartbeat[Symbol.dispose]();
  }
}

/** A connection as the chat sees it. */
class DirectMember implements ChatMember, ConnectionListener {
  readonly id = generateUuid();
  readonly room: Room<ChatMember>;
  readonly cursor: Cursor;
  readonly connection: Connection;
  readonly #chat: Chat;
  readonly #onEnded: () => void;

  constructor(
    chat: Chat,
    room: string,
    transport: Transport,
    options: ConnectionOptions,
    onEnded: () => void,
  ) {
    this.#chat = chat;
    this.#onEnded = onEnded;
    this.room = chat.rooms.at(room);
    this.cursor = this.room.cursor();
    this.connection = new Connection(transport, options, this);
  }

  deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    return this.connection.deliver(frames, onDelivered);
  }

  sendPrivate(text: string): void {
    this.connection.sendPrivate(encodeFrame(OPCODE.text, new TextEncoder().encode(text)));
  }

  giveUp({ code, reason }: CloseCode): void {
    this.connection.close(code, reason);
  }

  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void {
    this.#chat.receive(this, opcode, bytes, start, end);
  }

  onClosing(): void {
    this.#chat.leave(this);
  }

  onClosed(status: CloseStatus): void {
    this.#onEnded();
    this.#chat.ended(this, status);
  }

  holdReading(): Promise<void> | undefined {
    return this.room.backlog;
  }
}
