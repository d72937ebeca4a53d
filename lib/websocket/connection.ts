import type { CloseStatus } from "./close_frame.ts";
import type { MessageOpcode } from "./frame.ts";
import { ProtocolError } from "./protocol_error.ts";
import { Receiver, type ReceiverListener, type ReceiverOptions } from "./receiver.ts";
import { Sender, type SenderListener, type SenderOptions } from "./sender.ts";
import type { Transport, TransportListener } from "./transport/transport.ts";

/** What a {@linkcode Connection} reports, and what it asks for. */
export interface ConnectionListener {
  /** Called with a whole message. The bytes are lent: copy what you need after the call returns. */
  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void;
  /**
   * Called once, when either side begins to close.
   *
   * No message is sent or received from then on.
   *
   * @param status What {@linkcode onClosed} will get.
   */
  onClosing(status: CloseStatus): void;
  /**
   * Called once, after everything else, when the TCP connection has ended.
   *
   * @param status The status of the side that began to close; 1006 if there was no close frame.
   */
  onClosed(status: CloseStatus): void;
  /**
   * Checked after each read that had a message, while its bytes are still valid. If it is a
   * promise, the connection reads no more until the promise resolves. A peer that only answers
   * pings is always read from, as its answers show that it reads.
   */
  readonly backlog: Promise<void> | undefined;
}

/** The settings of a {@linkcode Connection}. */
export interface ConnectionOptions extends ReceiverOptions, SenderOptions {}

/**
 * A WebSocket connection after its handshake (RFC 6455), in either role.
 *
 * | state   | ends with                                     | meanwhile                    |
 * | ------- | --------------------------------------------- | ---------------------------- |
 * | open    | close(), the peer's close frame, or a fault   | messages go both ways        |
 * | closing | both close frames, then the end of the stream | our close frame is sent, and |
 * |         |                                               | the peer's is awaited        |
 * | closed  |                                               | the TCP connection has ended |
 *
 * The end of the stream, an error of the stream, and destroy() lead to `closed` from every state.
 *
 * After both close frames the server ends the TCP connection, and the client waits for that
 * (section 7.1.1). After a protocol fault the peer may still be sending. Then this side ends only
 * its own direction, and reads on until the peer ends too. If it closed the socket with unread
 * bytes, the system would reset the connection, and the reset could overtake the close frame.
 */
export class Connection implements TransportListener, ReceiverListener, SenderListener {
  readonly #transport: Transport;
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #receiver: Receiver;
  /** Sends what is already encoded. */
  readonly sender: Sender;

  #state: "open" | "closing" | "closed" = "open";
  #status: CloseStatus = NO_STATUS;
  #isCloseReceived = false;
  #isCloseSent = false;
  #isPeerEnded = false;
  /** Whether the last read had a message. */
  #hasMessage = false;
  /** The number of pings in the last read. */
  #pingCount = 0;
  /** The payload of the last ping that is to be answered after the read. It is lent. */
  #unanswered: Uint8Array | undefined;

  /** The time of the last read. */
  lastReadAtMs: number;
  /** The time of the last ping; undefined if the peer has sent anything since. */
  pingedAtMs: number | undefined;
  /** The time at which the state became `closing`. */
  closingSinceMs: number | undefined;
  /** True while it does not read. The peer's silence means nothing then. */
  isHeldBack = false;

  /**
   * Becomes the listener of the transport.
   *
   * Pass bytes that were read together with the handshake to {@linkcode onData}.
   */
  constructor(transport: Transport, options: ConnectionOptions, listener: ConnectionListener) {
    this.#transport = transport;
    this.#options = options;
    this.#listener = listener;
    this.#receiver = new Receiver(options, this);
    this.sender = new Sender(transport, options, this);
    this.lastReadAtMs = options.clock.nowMs;
    transport.listener = this;
  }

  /** See {@linkcode Sender.writingSinceMs}. */
  get writingSinceMs(): number | undefined {
    return this.sender.writingSinceMs;
  }

  /** See {@linkcode Sender.bufferedBytes}. */
  get bufferedBytes(): number {
    return this.sender.bufferedBytes;
  }

  /** Whether the peer's close frame has arrived. */
  get isCloseReceived(): boolean {
    return this.#isCloseReceived;
  }

  /** True while messages go both ways. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /**
   * Sends a message: frames it and, as a client, masks it. The payload is copied.
   *
   * Its place among other frames is that of {@linkcode Sender.sendFrames}. It does nothing if the
   * connection is not open.
   */
  send(opcode: MessageOpcode, payload: Uint8Array): void {
    if (this.#state === "open") this.sender.send(opcode, payload);
  }

  /** Sends a ping. The answer, like any bytes, sets {@linkcode lastReadAtMs}. */
  ping(): void {
    if (this.#state !== "open") return;
    this.pingedAtMs = this.#options.clock.nowMs;
    this.sender.ping();
  }

  /** Begins the closing handshake. It does nothing if the connection is not open. */
  close(status: CloseStatus): void {
    if (this.#state === "open") this.#beginClosing(status, status);
  }

  /**
   * Ends the TCP connection at once, with a reset.
   *
   * @param status What `onClosed` gets, unless the connection was closing already.
   */
  destroy(status: CloseStatus): void {
    if (this.#state === "closed") return;
    if (this.#state === "open") this.#status = status;
    this.#transport.reset();
    this.#end();
  }

  /** Handles bytes that the peer has sent, and unmasks them in place. */
  onData(bytes: Uint8Array): void {
    this.lastReadAtMs = this.#options.clock.nowMs;
    this.pingedAtMs = undefined;
    if (this.#receiver.isDone || this.#state === "closed") return;
    this.#hasMessage = false;
    this.#pingCount = 0;
    try {
      this.#receiver.receive(bytes);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#unanswered) this.#answerLast(this.#unanswered);
    // A client's queue is its own messages, and not answers that the peer leaves unread.
    const isServer = this.#options.role === "server";
    const backlog = (isServer ? this.sender.backlog : undefined) ??
      (this.#hasMessage ? this.#listener.backlog : undefined);
    if (backlog && !this.isHeldBack) this.#holdBack(backlog);
  }

  onWritten(): void {
    this.sender.onWritten();
  }

  onEnd(): void {
    this.#isPeerEnded = true;
    // The peer may still read. Let the write under way and the close frame go out first.
    if (this.#state === "closing" && this.writingSinceMs !== undefined) return;
    this.#transport.destroy();
    this.#end();
  }

  onGone(error: Error | undefined): void {
    if (this.#state === "open" && error) this.#status = { code: 1006, reason: error.message };
    this.#end();
  }

  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void {
    this.#hasMessage = true;
    if (this.#state === "open") this.#listener.onMessage(opcode, bytes, start, end);
  }

  onPing(payload: Uint8Array): void {
    if (this.#state !== "open") return;
    if (++this.#pingCount > MAX_PONGS_PER_READ) this.#unanswered = payload;
    else this.sender.pong(payload);
  }

  onPong(payload: Uint8Array): void {
    this.sender.onPong(payload);
  }

  onClose(status: CloseStatus): void {
    this.#isCloseReceived = true;
    if (this.#state === "open") this.#beginClosing(status, { code: status.code, reason: "" });
    else this.#endIfDone();
  }

  onCloseSent(): void {
    this.#isCloseSent = true;
    if (this.#isPeerEnded) this.onEnd();
    else this.#endIfDone();
  }

  #answerLast(payload: Uint8Array): void {
    this.#unanswered = undefined;
    if (this.#state === "open") this.sender.pong(payload);
  }

  /** Ends the connection after an error of the peer, or of the listener. */
  #fail(error: unknown): void {
    if (this.#state !== "open") return this.#endIfDone();
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof ProtocolError) return this.close({ code: error.closeCode, reason });
    // The peer must not see the details of an internal error.
    this.#beginClosing({ code: 1011, reason }, { code: 1011, reason: "internal error" });
  }

  async #holdBack(backlog: Promise<void>): Promise<void> {
    this.isHeldBack = true;
    this.#transport.pause();
    await backlog;
    this.isHeldBack = false;
    this.lastReadAtMs = this.#options.clock.nowMs;
    if (this.#state !== "closed") this.#transport.resume();
  }

  /** @param status What `onClosed` gets. @param sent What our close frame contains. */
  #beginClosing(status: CloseStatus, sent: CloseStatus): void {
    this.#state = "closing";
    this.#status = status;
    this.closingSinceMs = this.#options.clock.nowMs;
    this.#listener.onClosing(status);
    this.sender.close(sent);
  }

  /** Ends the stream, or only this direction of it, if there is nothing left to send or receive. */
  #endIfDone(): void {
    if (!this.#receiver.isDone || !this.#isCloseSent) return;
    if (!this.#isCloseReceived || this.#options.role === "client") return this.#transport.end();
    this.#transport.destroy();
    this.#end();
  }

  #end(): void {
    if (this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    if (wasOpen) this.#listener.onClosing(this.#status);
    this.sender.end();
    this.#listener.onClosed(this.#status);
  }
}

/**
 * How many pings of one read are answered separately. Each answer is a write, which takes far
 * longer than to send a ping. Of further pings, only the last is answered (section 5.5.3).
 */
const MAX_PONGS_PER_READ = 16;

/** The status of a connection that ended without a close frame or an error. */
const NO_STATUS: CloseStatus = { code: 1006, reason: "" };
