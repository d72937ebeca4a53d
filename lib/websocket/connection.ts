import { type CloseStatus, encodeCloseFrame } from "./close_frame.ts";
import { encodeFrame } from "./frame.ts";
import { type FrameHandler, FrameParser, type FrameParserOptions } from "./frame_parser.ts";
import { type MessageOpcode, OPCODE } from "./opcode.ts";
import { PieceWriter } from "./piece_writer.ts";
import { PrivateQueue } from "./private_queue.ts";
import { ProtocolError } from "./protocol_error.ts";
import { Remainder } from "./remainder.ts";
import type { Transport, TransportListener } from "./transport.ts";

/** What a connection tells the program that uses it. */
export interface ConnectionListener {
  /** A whole message. The bytes are lent: they are good until the call returns. */
  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void;
  /** The closing has begun, from whichever side: nothing is sent or received any more. Called once. */
  onClosing(): void;
  /**
   * The TCP connection is gone. Called once, last of all.
   *
   * @param status How the connection ended: the first word of whichever side closed it, or 1006 if there was none.
   */
  onClosed(status: CloseStatus): void;
  /** Asked after each read. A promise holds the connection back from reading until it resolves. */
  holdReading(): Promise<void> | undefined;
}

/** What a connection is made of. */
export interface ConnectionOptions extends FrameParserOptions {
  /** The time in whole milliseconds, as exact as the deadlines have to be. */
  readonly clock: { readonly nowMs: number };
}

/**
 * A WebSocket connection after its handshake (RFC 6455), in either role.
 *
 * | state   | ends with                                     | meanwhile                                        |
 * | ------- | --------------------------------------------- | ------------------------------------------------ |
 * | open    | close(), the peer's close frame, or a fault   | messages come and go                             |
 * | closing | both close frames, then the end of the stream | our close frame goes out; the peer's is waited for |
 * | closed  |                                               | the TCP connection is gone                       |
 *
 * The end of the stream, an error of it and destroy() lead to `closed` from anywhere.
 *
 * After both close frames the server ends the TCP connection, and a client waits for that (section 7.1.1). After a fault the
 * peer may still be sending: then this side only half-closes, and reads on until the peer ends too. A full close with unread
 * bytes would make the system reset the connection, and a reset can overtake the close frame.
 */
export class Connection implements TransportListener, FrameHandler {
  readonly #transport: Transport;
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #parser: FrameParser;
  readonly #remainder = new Remainder();

  #state: "open" | "closing" | "closed" = "open";
  #status: CloseStatus = NO_STATUS;
  /** Nothing that the peer sends means anything any more: its close frame has come, or it has broken the protocol. */
  #isDeaf = false;
  #isCloseReceived = false;
  #isPeerEnded = false;

  readonly #writer: PieceWriter;
  /** What is being written. */
  #writing: Uint8Array | undefined;
  #private: PrivateQueue | undefined;
  /** How many of them go out before the delivery that waits: those that were there first. */
  #privateBeforeData = 0;
  /** The answer to the last ping; an earlier one that has not gone out need not go out (section 5.5.3). */
  #pong: Uint8Array | undefined;
  #closeFrame: Uint8Array | undefined;
  #isCloseSent = false;
  #data: Uint8Array | undefined;
  #onDelivered: (() => void) | undefined;

  /** When the peer was last heard of. */
  lastReadAtMs: number;
  /** When a ping went out that has not been answered by anything. */
  pingedAtMs: number | undefined;
  /** When the closing began. */
  closingSinceMs: number | undefined;
  /** Whether reading is held back, so that the peer's silence means nothing. */
  isHeldBack = false;

  /** Takes the transport over: whoever had it hands on what has come in behind the handshake with {@linkcode onData}. */
  constructor(transport: Transport, options: ConnectionOptions, listener: ConnectionListener) {
    this.#transport = transport;
    this.#options = options;
    this.#listener = listener;
    this.#parser = new FrameParser(options, this);
    this.#writer = new PieceWriter(transport, options.clock, () => this.#goOnWriting());
    this.lastReadAtMs = options.clock.nowMs;
    transport.listener = this;
  }

  /** Since when a write has made no progress; undefined if none is under way. */
  get writingSinceMs(): number | undefined {
    return this.#writer.sinceMs;
  }

  /** Whether messages still go both ways. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /**
   * Sends whole frames. Only one delivery may be under way.
   *
   * @param onDelivered Called when they have gone out, or never will, if that is later.
   * @returns Whether they have gone out within this call, or never will.
   */
  deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    if (this.#state !== "open") return true;
    this.#data = frames;
    this.#privateBeforeData = this.#private?.length ?? 0;
    this.#write();
    if (this.#data !== frames) return true;
    this.#onDelivered = onDelivered;
    return false;
  }

  /** Sends whole frames ahead of the next delivery, and behind the one under way. */
  sendFrames(frame: Uint8Array): void {
    if (this.#state !== "open") return;
    (this.#private ??= new PrivateQueue()).push(frame);
    this.#write();
  }

  /** Asks the peer for a sign of life. */
  ping(): void {
    if (this.#state !== "open") return;
    this.pingedAtMs = this.#options.clock.nowMs;
    this.sendFrames(encodeFrame(OPCODE.ping, new Uint8Array(0), this.#key()));
  }

  /** Begins the closing handshake. Closing twice is harmless: the first word stands. */
  close(code: number, reason: string): void {
    if (this.#state === "open") this.#beginClosing({ code, reason }, { code, reason });
  }

  /** Ends the TCP connection at once, with a reset, and whatever is under way with it. */
  destroy(status: CloseStatus): void {
    if (this.#state === "closed") return;
    if (this.#state === "open") this.#status = status;
    this.#transport.reset();
    this.#end();
  }

  /** Handles what the peer has sent. */
  onData(bytes: Uint8Array): void {
    this.lastReadAtMs = this.#options.clock.nowMs;
    this.pingedAtMs = undefined;
    if (this.#isDeaf || this.#state === "closed") return;
    const joined = this.#remainder.join(bytes);
    this.#remainder.keep(joined, this.#parse(joined));
    const hold = this.#private?.backlog ?? this.#listener.holdReading();
    if (hold && !this.isHeldBack) this.#holdBack(hold);
  }

  onEnd(): void {
    this.#isPeerEnded = true;
    // The peer says nothing more, but may be waiting for what we have to say to its close frame.
    if (this.#state === "closing" && this.#writing) return;
    this.#transport.destroy();
    this.#end();
  }

  onGone(error: Error | undefined): void {
    if (this.#state === "open" && error) this.#status = { code: 1006, reason: error.message };
    this.#end();
  }

  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === "open") this.#listener.onMessage(opcode, bytes, start, end);
  }

  onPing(payload: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#pong = encodeFrame(OPCODE.pong, payload, this.#key());
    this.#write();
  }

  onPong(): void {}

  onClose(status: CloseStatus): void {
    this.#isDeaf = true;
    this.#isCloseReceived = true;
    if (this.#state === "open") this.#beginClosing(status, { code: status.code, reason: "" });
    else this.#endIfDone();
  }

  #parse(bytes: Uint8Array): number {
    try {
      return this.#parser.parse(bytes, 0, bytes.length);
    } catch (error) {
      this.#isDeaf = true;
      const reason = messageOf(error);
      const [code, told] = error instanceof ProtocolError
        ? [error.closeCode, reason]
        : [1011, "internal error"] as const;
      if (this.#state === "open") this.#beginClosing({ code, reason }, { code, reason: told });
      else this.#endIfDone();
      return bytes.length;
    }
  }

  async #holdBack(hold: Promise<void>): Promise<void> {
    this.isHeldBack = true;
    this.#transport.pause();
    await hold;
    this.isHeldBack = false;
    this.lastReadAtMs = this.#options.clock.nowMs;
    if (this.#state !== "closed") this.#transport.resume();
  }

  /** @param status How the connection ends. @param frame What our close frame says. */
  #beginClosing(status: CloseStatus, frame: CloseStatus): void {
    this.#state = "closing";
    this.#status = status;
    this.closingSinceMs = this.#options.clock.nowMs;
    this.#closeFrame = encodeCloseFrame(frame, this.#key());
    this.#listener.onClosing();
    this.#write();
  }

  /** Writes what there is to write, one thing after the other: frames never mix. */
  #write(): void {
    if (this.#writing) return;
    for (let bytes; (bytes = this.#nextToWrite());) {
      this.#writing = bytes;
      if (!this.#writer.write(bytes)) return;
      this.#afterWrite(bytes);
    }
  }

  #nextToWrite(): Uint8Array | undefined {
    if (this.#state === "closed" || this.#isCloseSent) return undefined;
    const isDataFirst = this.#data && this.#state === "open" && this.#privateBeforeData-- === 0;
    const frame = isDataFirst ? this.#data : this.#private?.shift();
    if (frame) return frame;
    this.#private = undefined;
    const pong = this.#pong;
    this.#pong = undefined;
    return pong ?? (this.#state === "closing" ? this.#closeFrame : this.#data);
  }

  #goOnWriting(): void {
    this.#afterWrite(this.#writing!);
    this.#write();
  }

  #afterWrite(bytes: Uint8Array): void {
    this.#writing = undefined;
    if (bytes === this.#data) this.#endDelivery();
    if (bytes !== this.#closeFrame) return;
    this.#isCloseSent = true;
    if (this.#isPeerEnded) this.onEnd();
    else this.#endIfDone();
  }

  #endDelivery(): void {
    const onDelivered = this.#onDelivered;
    this.#data = undefined;
    this.#onDelivered = undefined;
    onDelivered?.();
  }

  /** Ends the stream, or this side of it, when there is nothing more to say and to hear. */
  #endIfDone(): void {
    if (!this.#isDeaf || !this.#isCloseSent) return;
    if (!this.#isCloseReceived || this.#options.role === "client") return this.#transport.end();
    this.#transport.destroy();
    this.#end();
  }

  #end(): void {
    if (this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    if (wasOpen) this.#listener.onClosing();
    this.#endDelivery();
    this.#listener.onClosed(this.#status);
  }

  #key(): number | undefined {
    return this.#options.role === "client"
      ? crypto.getRandomValues(new Uint32Array(1))[0]
      : undefined;
  }
}

/** How a connection ends without a word. */
const NO_STATUS: CloseStatus = { code: 1006, reason: "" };

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
