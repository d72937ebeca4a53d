import { type CloseStatus, encodeCloseFrame } from "./close_frame.ts";
import { encodeFrame } from "./frame.ts";
import { type FrameHandler, FrameParser, type FrameParserOptions } from "./frame_parser.ts";
import { type MessageOpcode, OPCODE } from "./opcode.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { ReadBuffers } from "./read_buffers.ts";

/** The few methods of a `Deno.Conn` that a connection needs. */
export interface Transport {
  read(bytes: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** What a connection tells the program that uses it. */
export interface ConnectionListener {
  /** A whole message. The bytes are lent: they are good until the call returns. */
  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void;
  /** The closing has begun, from whichever side: nothing is sent or received any more. Called once. */
  onClosing(): void;
  /** Asked before each read. A promise holds the connection back from reading until it resolves. */
  holdReading(): Promise<void> | undefined;
}

/** What a connection is made of. */
export interface ConnectionOptions extends FrameParserOptions {
  /** What came in behind the handshake. */
  readonly received: Uint8Array;
  readonly buffers: ReadBuffers;
  /** The time in milliseconds, as exact as the deadlines have to be. */
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
export class Connection {
  readonly #transport: Transport;
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #parser: FrameParser;

  #state: "open" | "closing" | "closed" = "open";
  #status: CloseStatus = { code: 1006, reason: "" };
  /** Nothing that the peer sends means anything any more: its close frame has come, or it has broken the protocol. */
  #isDeaf = false;
  #isCloseReceived = false;
  #whenClosed: PromiseWithResolvers<void> | undefined;

  /** The writing that is under way. */
  #pumping: Promise<void> | undefined;
  /** Whole frames that go out before the next data: a greeting, a ping. */
  readonly #private: Uint8Array[] = [];
  /** The answer to the last ping; an earlier one that has not gone out need not go out (section 5.5.3). */
  #pong: Uint8Array | undefined;
  #closeFrame: Uint8Array | undefined;
  #isCloseSent = false;
  #data: Uint8Array | undefined;
  #whenDelivered: (() => void) | undefined;

  /** When the peer was last heard of. */
  lastReadAtMs: number;
  /** When a ping went out that has not been answered by anything. */
  pingedAtMs: number | undefined;
  /** Since when a write has made no progress; undefined if none is under way. */
  writingSinceMs: number | undefined;
  /** When the closing began. */
  closingSinceMs: number | undefined;
  /** Whether reading is held back, so that the peer's silence means nothing. */
  isHeldBack = false;

  constructor(transport: Transport, options: ConnectionOptions, listener: ConnectionListener) {
    this.#transport = transport;
    this.#options = options;
    this.#listener = listener;
    this.#parser = new FrameParser(options, this.#handler());
    this.lastReadAtMs = options.clock.nowMs;
  }

  /** Whether messages still go both ways. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /**
   * Reads and answers until the TCP connection is gone. It never rejects.
   *
   * @returns How the connection ended: the first word of whichever side closed it, or 1006 if there was none.
   */
  async serve(): Promise<CloseStatus> {
    try {
      await this.#read();
    } catch (error) {
      // The peer has reset the connection, or destroy() has interrupted the read: either way it has ended.
      if (this.#state === "open") this.#status = { code: 1006, reason: messageOf(error) };
    }
    this.destroy();
    return this.#status;
  }

  /**
   * Sends whole frames. Only one delivery may be under way.
   *
   * @returns Resolves when they have gone out, or never will.
   */
  deliver(frames: Uint8Array): Promise<void> {
    if (this.#state !== "open") return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#data = frames;
    this.#whenDelivered = resolve;
    this.#startPump();
    return promise;
  }

  /** Sends a whole frame ahead of the next delivery. */
  sendPrivate(frame: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#private.push(frame);
    this.#startPump();
  }

  /** Asks the peer for a sign of life. */
  ping(): void {
    if (this.#state !== "open") return;
    this.pingedAtMs = this.#options.clock.nowMs;
    this.sendPrivate(encodeFrame(OPCODE.ping, new Uint8Array(0), this.#key()));
  }

  /** Begins the closing handshake. Closing twice is harmless: the first word stands. */
  close(code: number, reason: string): void {
    if (this.#state === "open") this.#beginClosing({ code, reason }, { code, reason });
  }

  /** Ends the TCP connection at once. An unanswered write or read ends with it. */
  destroy(status?: CloseStatus): void {
    if (this.#state === "closed") return;
    if (this.#state === "open") {
      if (status) this.#status = status;
      this.#listener.onClosing();
    }
    this.#state = "closed";
    this.#transport.close();
    this.#whenClosed?.resolve();
    this.#endDelivery();
  }

  async #read(): Promise<void> {
    const { buffers, clock, received } = this.#options;
    let buffer = buffers.first(received);
    let start = 0;
    let end = received.length;
    while (this.#state !== "closed") {
      start = this.#isDeaf ? end : this.#parse(buffer, start, end);
      buffer = buffers.next(buffer, start, end);
      end -= start;
      start = 0;
      const hold = this.#listener.holdReading();
      if (hold) await this.#holdBack(hold);
      const read = await this.#transport.read(end === 0 ? buffer : buffer.subarray(end));
      if (read === null) {
        // The peer says nothing more, but may be waiting for what we have to say to its close frame.
        if (this.#state === "closing") await this.#pumping;
        break;
      }
      end += read;
      this.lastReadAtMs = clock.nowMs;
      this.pingedAtMs = undefined;
    }
    buffers.release(buffer);
  }

  #parse(buffer: Uint8Array, start: number, end: number): number {
    try {
      return this.#parser.parse(buffer, start, end);
    } catch (error) {
      this.#isDeaf = true;
      const reason = messageOf(error);
      const [code, told] = error instanceof ProtocolError
        ? [error.closeCode, reason]
        : [1011, "internal error"] as const;
      if (this.#state === "open") this.#beginClosing({ code, reason }, { code, reason: told });
      else this.#endIfDone();
      return end;
    }
  }

  async #holdBack(hold: Promise<void>): Promise<void> {
    this.isHeldBack = true;
    this.#whenClosed = Promise.withResolvers();
    await Promise.race([hold, this.#whenClosed.promise]);
    this.isHeldBack = false;
    this.lastReadAtMs = this.#options.clock.nowMs;
  }

  #handler(): FrameHandler {
    return {
      onMessage: (opcode, bytes, start, end) => {
        if (this.#state === "open") this.#listener.onMessage(opcode, bytes, start, end);
      },
      onPing: (payload) => {
        if (this.#state !== "open") return;
        this.#pong = encodeFrame(OPCODE.pong, payload, this.#key());
        this.#startPump();
      },
      onPong: () => {},
      onClose: (status) => {
        this.#isDeaf = true;
        this.#isCloseReceived = true;
        if (this.#state === "open") this.#beginClosing(status, { code: status.code, reason: "" });
        else this.#endIfDone();
      },
    };
  }

  /** @param status How the connection ends. @param frame What our close frame says. */
  #beginClosing(status: CloseStatus, frame: CloseStatus): void {
    this.#state = "closing";
    this.#status = status;
    this.closingSinceMs = this.#options.clock.nowMs;
    this.#closeFrame = encodeCloseFrame(frame, this.#key());
    this.#listener.onClosing();
    this.#startPump();
  }

  #startPump(): void {
    this.#pumping ??= this.#pump();
  }

  /** Writes what there is to write, one thing after the other: frames never mix. */
  async #pump(): Promise<void> {
    try {
      for (let bytes; (bytes = this.#nextToWrite());) await this.#write(bytes);
    } catch {
      // A write fails when the connection is gone. The read finds that out too, and reports it.
      this.destroy();
    }
    this.#pumping = undefined;
    if (this.#state !== "open") this.#endDelivery();
  }

  #nextToWrite(): Uint8Array | undefined {
    if (this.#state === "closed" || this.#isCloseSent) return undefined;
    const frame = this.#private.shift();
    if (frame) return frame;
    const pong = this.#pong;
    this.#pong = undefined;
    return pong ?? (this.#state === "closing" ? this.#closeFrame : this.#data);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { clock } = this.#options;
    for (let at = 0; at < bytes.length;) {
      this.writingSinceMs = clock.nowMs;
      at += await this.#transport.write(at === 0 ? bytes : bytes.subarray(at));
    }
    this.writingSinceMs = undefined;
    if (bytes === this.#data) this.#endDelivery();
    if (bytes === this.#closeFrame) {
      this.#isCloseSent = true;
      this.#endIfDone();
    }
  }

  #endDelivery(): void {
    this.#data = undefined;
    this.#whenDelivered?.();
    this.#whenDelivered = undefined;
  }

  /** Ends the stream, or this side of it, when there is nothing more to say and to hear. */
  #endIfDone(): void {
    if (!this.#isDeaf || !this.#isCloseSent) return;
    if (this.#isCloseReceived && this.#options.role === "server") return this.destroy();
    // It fails if the peer has gone meanwhile, which the read finds out too.
    this.#transport.closeWrite().catch(() => {});
  }

  #key(): number | undefined {
    return this.#options.role === "client"
      ? crypto.getRandomValues(new Uint32Array(1))[0]
      : undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
