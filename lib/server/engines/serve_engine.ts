import type { JoinRequest } from "../../chat/join_request.ts";
import { CLOSE_CODES, type CloseCode } from "../../chat/close_code.ts";
import type { Member } from "../../chat/members/member.ts";
import type { FrameSender, Wire } from "../../chat/members/wire.ts";
import { OPCODE } from "../../websocket/frame.ts";
import type { DeliveryListener } from "../../websocket/sender.ts";
import type { ServerConfig } from "../config.ts";
import type { Visitor } from "../http/guard.ts";
import { BufferWatcher } from "./buffer_watcher.ts";
import { newConnectionId } from "./connection_id.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import type { EngineParts } from "./open_wires.ts";

/** While a socket buffers more bytes than this, it gets no more messages: a slow reader's cost. */
const WATERMARK_BYTES = 256 * 1024;

/** The maximum size of the acks, errors, and other replies that a client leaves unread. */
const MAX_PRIVATE_BYTES = 4 * 1024 * 1024;

/**
 * The engine on `Deno.serve` and `Deno.upgradeWebSocket`.
 *
 * ```text
 * upgrade ──▶ connecting ──open──▶ in the chat ──close or error──▶ left the chat ──close──▶ gone
 * ```
 */
export class ServeEngine {
  readonly #config: ServerConfig;
  readonly #shared: Shared;

  constructor(config: ServerConfig, parts: EngineParts) {
    this.#config = config;
    this.#shared = {
      ...parts,
      decoder: new FrameDecoder((body) => typeof body === "string" ? body : body.slice()),
      buffers: new BufferWatcher(WATERMARK_BYTES, config.stallTimeoutMs),
    };
  }

  /** Upgrades an admitted request to a WebSocket and adds it to the chat. */
  upgrade(request: Request, visitor: Visitor, joinRequest: JoinRequest): Response {
    const idleTimeout = Math.ceil(this.#config.pingIntervalMs / 1000);
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout });
    // With its option `protocol`, Deno finds only protocols that are separated by exactly ", ".
    const { protocol } = joinRequest;
    if (protocol !== undefined) response.headers.set("sec-websocket-protocol", protocol);
    socket.binaryType = "arraybuffer";
    const { wires, counters } = this.#shared;
    counters.countHandshake("accepted");
    wires.beginUpgrade(socket, {
      sinceMs: performance.now(),
      ip: visitor.ip,
      roomName: joinRequest.roomName,
    });
    socket.onopen = () => {
      wires.endUpgrade(socket);
      this.#serve(socket, visitor, joinRequest);
    };
    socket.onerror = () => wires.endUpgrade(socket);
    return response;
  }

  #serve(socket: WebSocket, visitor: Visitor, joinRequest: JoinRequest): void {
    const { chat, wires } = this.#shared;
    const wire = new ServeWire(socket, this.#shared);
    wires.add(wire, visitor.ip);
    let closeDeadline: ReturnType<typeof setTimeout> | undefined;
    const onGone = (code: number, reason: string) => {
      clearTimeout(closeDeadline);
      if (!wires.delete(wire)) return;
      if (!wire.member) return;
      chat.leave(wire.member);
      chat.ended(wire.member, wire.closeStatus ?? { code: code || 1006, reason });
    };
    const { closeTimeoutMs } = this.#config;
    wire.onClosing = () => {
      if (closeTimeoutMs === 0 || wires.isClosing) return;
      closeDeadline = setTimeout(() => onGone(1006, "unanswered close"), closeTimeoutMs);
    };
    socket.onmessage = ({ data }) => this.#receive(wire, data);
    socket.onerror = () => wire.member && chat.leave(wire.member);
    socket.onclose = ({ code, reason }) => onGone(code, reason);
    const { id } = wire;
    const { access, address, requestId } = visitor;
    chat.join({ id, wire, access, address, requestId }, joinRequest, wire);
    if (wires.isClosing) wire.close(CLOSE_CODES.goingAway);
  }

  #receive({ member, closeStatus }: ServeWire, data: string | ArrayBuffer): void {
    // Deno also passes on messages that arrive after the close frame was sent.
    if (closeStatus) return;
    const isText = typeof data === "string";
    const bytes = isText ? new TextEncoder().encode(data) : new Uint8Array(data);
    if (bytes.length > this.#config.maxMessageBytes) {
      this.#shared.chat.counters.limits.message_size++;
      return member!.close(CLOSE_CODES.messageTooBig);
    }
    const opcode = isText ? OPCODE.text : OPCODE.binary;
    this.#shared.chat.receive(member!, opcode, bytes, 0, bytes.length);
  }
}

type Message = string | Uint8Array<ArrayBuffer>;

/** What all connections of this engine share. */
interface Shared extends EngineParts {
  readonly decoder: FrameDecoder<Message>;
  readonly buffers: BufferWatcher;
}

/** Connects a `WebSocket` of Deno with its member in the chat. */
class ServeWire implements Wire, FrameSender {
  readonly id = newConnectionId();
  readonly sender = this;
  readonly #socket: WebSocket;
  readonly #shared: Shared;
  /**
   * How the server closed this connection; undefined if it did not. Deno may report a different
   * code from the one that was sent.
   */
  closeStatus: CloseCode | undefined;
  /** Bytes given to `sendFrames()` since the buffer was last below the watermark. */
  #privateBytes = 0;
  /** Set on joining the chat, before the connection receives anything; unset if it cannot join. */
  member: Member | undefined;
  /** Called when the server has sent a close frame and waits for the answer. */
  onClosing: () => void = () => {};

  constructor(socket: WebSocket, shared: Shared) {
    this.#socket = socket;
    this.#shared = shared;
  }

  deliver(frames: Uint8Array, listener: DeliveryListener): boolean {
    this.#sendAll(frames);
    this.#shared.buffers.whenDrained(this.#socket).then((outcome) => {
      if (outcome === "stalled") this.#closeStalled();
      listener.onDelivered();
    });
    return false;
  }

  sendFrames(frames: Uint8Array<ArrayBuffer>): void {
    if (!this.#shared.buffers.isFull(this.#socket)) this.#privateBytes = 0;
    this.#privateBytes += frames.length;
    // Deno cannot stop reading from a client, so one that ignores its replies is closed.
    if (this.#privateBytes > MAX_PRIVATE_BYTES) return this.#closeStalled();
    this.#sendAll(frames);
  }

  close(closeStatus: CloseCode): void {
    if (this.member) this.#shared.chat.leave(this.member);
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.closeStatus = closeStatus;
    this.#socket.close(closeStatus.code, closeStatus.reason);
    this.onClosing();
  }

  #closeStalled(): void {
    if (this.closeStatus) return;
    this.#shared.chat.counters.slowReaders.stalled++;
    this.close(CLOSE_CODES.tooSlow);
  }

  /** If the socket throws, closes it: other connections must not be affected. */
  #sendAll(frames: Uint8Array): void {
    try {
      for (const message of this.#shared.decoder.decode(frames)) {
        if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
      }
    } catch (error) {
      this.#shared.chat.logError(error, this.id);
      this.close(CLOSE_CODES.internalError);
    }
  }
}
