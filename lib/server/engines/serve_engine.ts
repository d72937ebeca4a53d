import { generate as generateUuid } from "@std/uuid/v7";
import { CLOSE_CODES, type CloseCode } from "../../chat/close_code.ts";
import type { Member } from "../../chat/member.ts";
import { CHORUS_PROTOCOL } from "../../chat/chorus_v1.ts";
import type { Wire } from "../../chat/wire.ts";
import { OPCODE } from "../../websocket/frame.ts";
import type { Chat, JoinRequest } from "../../chat/chat.ts";
import type { ServerConfig } from "../config.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { FullSockets } from "./full_sockets.ts";
import type { Client } from "../http/routes.ts";

/** A socket takes no more as long as this many bytes wait in it, so that a slow reader costs no more than that. */
const WATERMARK_BYTES = 256 * 1024;

/** How many bytes of answers a client may leave unread. Nobody who reads at all comes near. */
const MAX_PRIVATE_BYTES = 4 * 1024 * 1024;

/**
 * The engine on `Deno.serve` and `Deno.upgradeWebSocket`: turns requests into members of the chat.
 *
 * ```text
 * upgrade ──▶ connecting ──open──▶ in the chat ──close, error, given up──▶ out of it ──close──▶ socket gone
 * ```
 */
export class ServeEngine {
  readonly #config: ServerConfig;
  readonly #chat: Chat;
  readonly #decoder = new FrameDecoder();
  readonly #fullSockets: FullSockets;
  /** Every connection that has not ended, also those that have left the chat and wait for their peer's close frame. */
  readonly #wires = new Set<ServeWire>();
  readonly #whenEmpty = Promise.withResolvers<void>();
  #isClosing = false;

  constructor(config: ServerConfig, chat: Chat) {
    this.#config = config;
    this.#chat = chat;
    this.#fullSockets = new FullSockets(WATERMARK_BYTES, config.stallTimeoutMs);
  }

  /** How many connections there are, those that are closing among them. */
  get size(): number {
    return this.#wires.size;
  }

  /** Answers a request that has passed admission with the upgrade to a WebSocket, and serves that. */
  upgrade(request: Request, client: Client, joinRequest: JoinRequest): Response {
    const idleTimeout = Math.ceil(this.#config.pingIntervalMs / 1000);
    const protocol = joinRequest.format === "chorus" ? CHORUS_PROTOCOL : "";
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout, protocol });
    socket.binaryType = "arraybuffer";
    // If the peer is gone before that, Deno tells nothing at all of the socket.
    socket.onopen = () => this.#serve(socket, client, joinRequest);
    return response;
  }

  /** Closes every connection with 1001 and resolves when the last of them has ended. */
  async closeAll(): Promise<void> {
    this.#isClosing = true;
    for (const wire of this.#wires) wire.close(CLOSE_CODES.goingAway);
    if (this.#wires.size > 0) await this.#whenEmpty.promise;
  }

  #serve(socket: WebSocket, client: Client, joinRequest: JoinRequest): void {
    const chat = this.#chat;
    const wire = new ServeWire(socket, {
      chat,
      decoder: this.#decoder,
      fullSockets: this.#fullSockets,
    });
    this.#wires.add(wire);
    let closeDeadline: ReturnType<typeof setTimeout> | undefined;
    const gone = (code: number, reason: string) => {
      clearTimeout(closeDeadline);
      if (!this.#wires.delete(wire)) return;
      chat.leave(wire.member);
      chat.ended(wire.member, wire.closeStatus ?? { code: code || 1006, reason });
      if (this.#isClosing && this.#wires.size === 0) this.#whenEmpty.resolve();
    };
    const { closeTimeoutMs } = this.#config;
    wire.onClosing = () => {
      if (closeTimeoutMs === 0 || this.#isClosing) return;
      closeDeadline = setTimeout(() => {
        client.end?.();
        gone(1006, "unanswered close");
      }, closeTimeoutMs);
    };
    socket.onmessage = ({ data }) => this.#receive(wire, data);
    socket.onerror = () => chat.leave(wire.member);
    socket.onclose = ({ code, reason }) => gone(code, reason);
    const { id } = wire;
    chat.join({ id, wire, address: client.address }, joinRequest, (member) => wire.member = member);
    if (this.#isClosing) wire.close(CLOSE_CODES.goingAway);
  }

  #receive({ member, closeStatus }: ServeWire, data: string | ArrayBuffer): void {
    // Deno hands on what comes after the close frame has gone out, too.
    if (closeStatus) return;
    const isText = typeof data === "string";
    const bytes = isText ? new TextEncoder().encode(data) : new Uint8Array(data);
    if (bytes.length > this.#config.maxMessageBytes) {
      return member.close(CLOSE_CODES.messageTooBig);
    }
    this.#chat.receive(member, isText ? OPCODE.text : OPCODE.binary, bytes, 0, bytes.length);
  }
}

/** One WebSocket of Deno's between `Deno.serve` and its member in the chat. */
class ServeWire implements Wire {
  readonly id = generateUuid();
  readonly #chat: Chat;
  readonly #socket: WebSocket;
  readonly #decoder: FrameDecoder;
  readonly #fullSockets: FullSockets;
  #closeStatus: CloseCode | undefined;
  /** How much it has been sent of its own since it last had taken nearly everything. */
  #privateBytes = 0;
  /** Set as soon as it is in the chat, which is before anything is received. */
  member!: Member;
  /** Called when the server has begun to close the connection, and the peer's answer is waited for. */
  onClosing: () => void = () => {};

  constructor(
    socket: WebSocket,
    { chat, decoder, fullSockets }: {
      readonly chat: Chat;
      readonly decoder: FrameDecoder;
      readonly fullSockets: FullSockets;
    },
  ) {
    this.#socket = socket;
    this.#chat = chat;
    this.#decoder = decoder;
    this.#fullSockets = fullSockets;
  }

  /** Why the server closed this connection, if it was the server: Deno may report another code than was sent. */
  get closeStatus(): CloseCode | undefined {
    return this.#closeStatus;
  }

  deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    for (const message of this.#decoder.decode(frames)) this.#send(message);
    this.#fullSockets.whenEmptier(this.#socket).then((closeStatus) => {
      if (closeStatus === "stalled") this.close(CLOSE_CODES.tooSlow);
      onDelivered();
    });
    return false;
  }

  sendFrames(frames: Uint8Array<ArrayBuffer>): void {
    if (this.#fullSockets.isEmptier(this.#socket)) this.#privateBytes = 0;
    this.#privateBytes += frames.length;
    // Deno cannot hold it back from asking for more.
    if (this.#privateBytes > MAX_PRIVATE_BYTES) return this.close(CLOSE_CODES.tooSlow);
    for (const message of this.#decoder.decode(frames)) this.#send(message);
  }

  close(closeStatus: CloseCode): void {
    this.#chat.leave(this.member);
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#closeStatus = closeStatus;
    this.#socket.close(closeStatus.code, closeStatus.reason);
    this.onClosing();
  }

  /** A socket that throws harms nobody else: it is taken out, and its close event follows. */
  #send(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    try {
      this.#socket.send(message);
    } catch {
      this.close(CLOSE_CODES.internalError);
    }
  }
}
