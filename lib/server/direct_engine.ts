import { generate as generateUuid } from "@std/uuid/v7";
import { CLOSE_CODES, type CloseCode } from "../chat/close_code.ts";
import type { Cursor } from "../chat/message_log.ts";
import {
  Connection,
  type ConnectionListener,
  type ConnectionOptions,
  type Transport,
} from "../websocket/connection.ts";
import { encodeFrame } from "../websocket/frame.ts";
import { handshakeResponse } from "../websocket/handshake.ts";
import { Heartbeat } from "../websocket/heartbeat.ts";
import { type MessageOpcode, OPCODE } from "../websocket/opcode.ts";
import { ReadBuffers } from "../websocket/read_buffers.ts";
import type { Chat, ChatMember } from "./chat.ts";
import type { ServerConfig } from "./config.ts";

/**
 * The engine on `Deno.listen` and lib/websocket: what it sends is cut straight out of the log's memory, whole frames at a
 * time, with one system call for many messages.
 */
export class DirectEngine implements Disposable {
  readonly #config: ServerConfig;
  readonly #chat: Chat;
  readonly #heartbeat: Heartbeat;
  readonly #buffers = new ReadBuffers();
  /** Every connection that has not ended, also those that have left the chat and wait for their peer's close frame. */
  readonly #connections = new Map<Connection, Promise<void>>();

  constructor(config: ServerConfig, chat: Chat) {
    this.#config = config;
    this.#chat = chat;
    this.#heartbeat = new Heartbeat(config);
  }

  /** How many connections there are, those that are closing among them. */
  get size(): number {
    return this.#connections.size;
  }

  /** Completes a handshake and serves the connection. `received` is what has come in behind it. */
  serve(transport: Transport, key: string, received: Uint8Array, address: string): void {
    const member = new DirectMember(this.#chat, transport, {
      role: "server",
      maxMessageBytes: this.#config.maxMessageBytes,
      received,
      buffers: this.#buffers,
      clock: this.#heartbeat,
    });
    const { connection } = member;
    this.#heartbeat.add(connection);
    connection.sendPrivate(handshakeResponse(key));
    this.#chat.join(member, address);
    const ended = connection.serve().then((ending) => {
      this.#heartbeat.delete(connection);
      this.#connections.delete(connection);
      this.#chat.ended(member, ending);
    });
    this.#connections.set(connection, ended);
  }

  /** Closes every connection with 1001 and resolves when the last of them has ended. */
  async closeAll(): Promise<void> {
    const { code, reason } = CLOSE_CODES.goingAway;
    for (const connection of this.#connections.keys()) connection.close(code, reason);
    await Promise.all(this.#connections.values());
  }

  /** Ends what is left. */
  [Symbol.dispose](): void {
    for (const connection of this.#connections.keys()) connection.destroy();
    this.#heartbeat[Symbol.dispose]();
  }
}

/** A connection as the chat sees it. */
class DirectMember implements ChatMember, ConnectionListener {
  readonly id = generateUuid();
  readonly cursor: Cursor;
  readonly #chat: Chat;
  readonly connection: Connection;

  constructor(chat: Chat, transport: Transport, options: ConnectionOptions) {
    this.#chat = chat;
    this.cursor = chat.room.cursor();
    this.connection = new Connection(transport, options, this);
  }

  deliver(frames: Uint8Array): Promise<void> {
    return this.connection.deliver(frames);
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

  holdReading(): Promise<void> | undefined {
    return this.#chat.room.backlog;
  }
}
