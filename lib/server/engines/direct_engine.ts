import type { Chat, JoinRequest } from "../../chat/chat.ts";
import type { Member } from "../../chat/members/member.ts";
import type { CloseStatus } from "../../websocket/close_frame.ts";
import {
  Connection,
  type ConnectionListener,
  type ConnectionOptions,
} from "../../websocket/connection.ts";
import type { MessageOpcode } from "../../websocket/frame.ts";
import { handshakeResponse } from "../../websocket/handshake.ts";
import { Heartbeat } from "../../websocket/heartbeat.ts";
import type { Transport } from "../../websocket/transport/transport.ts";
import type { ServerConfig } from "../config.ts";
import type { Visitor } from "../http/guard.ts";
import { newConnectionId } from "./connection_id.ts";
import type { EngineParts, OpenWires } from "./open_wires.ts";

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
  readonly #heartbeat: Heartbeat;
  readonly #chat: Chat;
  readonly #options: ConnectionOptions;
  readonly #onEnded = (connection: Connection) => {
    this.#heartbeat.delete(connection);
    this.#wires.delete(connection);
  };

  constructor(config: ServerConfig, { chat, wires }: EngineParts) {
    this.#chat = chat;
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
    this.#wires.add(connection);
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

  constructor(chat: Chat, onEnded: (connection: Connection) => void) {
    this.#chat = chat;
    this.#onEnded = onEnded;
  }

  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void {
    this.#chat.receive(this.member!, opcode, bytes, start, end);
  }

  onClosing(): void {
    if (this.member) this.#chat.leave(this.member);
  }

  onClosed(status: CloseStatus): void {
    this.#onEnded(this.connection);
    if (this.member) this.#chat.ended(this.member, status);
  }

  get backlog(): Promise<void> | undefined {
    return this.member?.room.backlog;
  }
}
