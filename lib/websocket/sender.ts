import { type CloseStatus, encodeCloseFrame } from "./close_frame.ts";
import { encodeFrame, type MessageOpcode, OPCODE, type Role } from "./frame.ts";
import { MARK_BYTES, nextMarkPlace, ReadMarks } from "./read_marks.ts";
import type { Transport } from "./transport/transport.ts";

/** The size limit of one write. Large frames are written in parts. */
const MAX_WRITE_BYTES = 64 * 1024;

/** How many bytes may wait before {@linkcode Sender.backlog} holds the peer back. */
const MAX_QUEUED_BYTES = 256 * 1024;

/** What a {@linkcode Sender} needs to know. */
export interface SenderOptions {
  readonly role: Role;
  /** The time in whole milliseconds. It needs to be only as exact as the deadlines. */
  readonly clock: { readonly nowMs: number };
}

/** Waits until a delivery has ended. */
export interface DeliveryListener {
  onDelivered(): void;
}

/** What a {@linkcode Sender} reports. */
export interface SenderListener {
  /** Called once, when the system has taken the close frame. Nothing is sent after it. */
  onCloseSent(): void;
}

/**
 * The sending half of a connection (RFC 6455): it encodes frames, decides their order, and has at
 * most one write under way.
 *
 * | what waits                          | is written                                        |
 * | ----------------------------------- | ------------------------------------------------- |
 * | a delivery, messages, frames, pings | in the order of the calls                         |
 * | a pong                              | when none of these waits; only the last one is    |
 * | the close frame                     | last; a waiting delivery and all after it are not |
 *
 * The order of the calls is a guarantee: `send()` and `sendFrames()` write after the delivery under
 * way, and before the next one. The acks of chorus.v1 are right only because of it. Example: a chat
 * has taken messages 8 and 9 from its log and passed them to `deliver()`, but the client is slow
 * and has only received message 7. Now the chat acks the client's own message 10. By the protocol,
 * a client with this ack has received everything before message 10. The chat counts what it has
 * *taken*, not what is written, so it relies on the ack to be written after 8 and 9.
 *
 * Most writes end within the call. Then nothing is queued or allocated.
 */
export class Sender {
  // The fields that most writes need come first, so that they share a line of the cache.
  readonly #transport: Transport;
  readonly #options: SenderOptions;
  /** The bytes of the write under way. */
  #writing: Uint8Array | undefined;
  /** What waits in its order, the delivery included. It exists only while something waits. */
  #queue: Uint8Array[] | undefined;
  /** The bytes written since the last mark. */
  #unmarkedBytes = 0;
  /** Whether frames are sent: until the close frame is, or the connection ends. */
  #isOpen = true;
  readonly #listener: SenderListener;
  /** How many bytes of the write under way were given to the transport. */
  #writtenBytes = 0;
  /** The bytes in the queue, without the delivery. */
  #queuedBytes = 0;
  /** The delivery that is under way or waits. */
  #delivery: Uint8Array | undefined;
  #deliveryListener: DeliveryListener | undefined;
  #isDone = false;
  #backlog: PromiseWithResolvers<void> | undefined;
  /** The answer to the last ping. Earlier pings need no answer (section 5.5.3). */
  #pong: Uint8Array | undefined;
  #closeFrame: Uint8Array | undefined;
  /** Exists once a mark was due. A client needs none: its server may take any time to read. */
  #marks: ReadMarks | undefined;
  /** An end of a frame in the write under way: where a mark could be. */
  #markPlace = 0;

  /**
   * The time of the last progress of the write under way, or of the peer's reading; undefined if
   * there is no write.
   */
  writingSinceMs: number | undefined;

  constructor(transport: Transport, options: SenderOptions, listener: SenderListener) {
    this.#transport = transport;
    this.#options = options;
    this.#listener = listener;
  }

  /** How many bytes still wait to be given to the transport (the Web API's `bufferedAmount`). */
  get bufferedBytes(): number {
    const deliveryBytes = this.#delivery === this.#writing ? 0 : this.#delivery?.length ?? 0;
    const writingBytes = this.#writing ? this.#writing.length - this.#writtenBytes : 0;
    return this.#queuedBytes + deliveryBytes + writingBytes;
  }

  /**
   * Resolves when few enough bytes wait; undefined if that is so now.
   *
   * The connection reads no more until then. Otherwise a peer that sends requests but does not read
   * the answers would fill the memory. A delivery does not count: there is never more than one.
   */
  get backlog(): Promise<void> | undefined {
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#backlog ??= Promise.withResolvers();
    return this.#backlog?.promise;
  }

  /** Sends a message in one frame. A client masks it with a fresh random key (section 5.3). */
  send(opcode: MessageOpcode, payload: Uint8Array): void {
    this.sendFrames(encodeFrame(opcode, payload, this.#maskingKey()));
  }

  /** Sends an empty ping. */
  ping(): void {
    this.sendFrames(encodeFrame(OPCODE.ping, new Uint8Array(0), this.#maskingKey()));
  }

  /** Sends whole frames, a client's masked. Their bytes must not change until they are written. */
  sendFrames(frames: Uint8Array): void {
    if (!this.#isOpen) return;
    if (this.#writeWhole(frames) === undefined) this.#add(frames, frames.length);
  }

  /**
   * Like {@linkcode sendFrames}, and reports the end of the write. There may be one at a time.
   *
   * @returns True if the frames are written, or the connection is closing. Otherwise calls the
   * listener later: when they are written, or when the connection has ended.
   */
  deliver(frames: Uint8Array, listener: DeliveryListener): boolean {
    if (!this.#isOpen) return true;
    const isWritten = this.#writeWhole(frames);
    if (isWritten) return true;
    this.#delivery = frames;
    if (isWritten === undefined) this.#add(frames, 0);
    if (this.#delivery !== frames) return true;
    this.#deliveryListener = listener;
    return false;
  }

  /** Answers a ping. The payload is copied. */
  pong(payload: Uint8Array): void {
    this.#pong = encodeFrame(OPCODE.pong, payload, this.#maskingKey());
    this.#flush();
  }

  /** Handles a pong of the peer, which may be the answer to a mark. */
  onPong(payload: Uint8Array): void {
    if (!this.#marks?.answer(payload) || !this.#writing) return;
    this.writingSinceMs = this.#options.clock.nowMs;
  }

  /** Sends the close frame. Nothing may be sent after it. */
  close(status: CloseStatus): void {
    this.#isOpen = false;
    this.#closeFrame = encodeCloseFrame(status, this.#maskingKey());
    this.#flush();
  }

  /** Drops everything that was not written, and calls the listener of a delivery under way. */
  end(): void {
    this.#isOpen = false;
    this.#isDone = true;
    this.#writing = undefined;
    this.#queue = undefined;
    this.#endDelivery();
  }

  /**
   * Writes frames that need no mark and no parts, if nothing else is under way. Most writes are of
   * this kind, and leave no trace.
   *
   * @returns Whether the write has ended; undefined if it was not begun.
   */
  #writeWhole(frames: Uint8Array): boolean | undefined {
    const { length } = frames;
    const { nowMs } = this.#options.clock;
    if (this.#writing || this.#queue || length > MAX_WRITE_BYTES) return undefined;
    if (this.#isMarkDue(nowMs, length)) return undefined;
    this.#unmarkedBytes += length;
    if (this.#transport.write(frames)) return true;
    this.#writing = frames;
    this.#writtenBytes = length;
    this.writingSinceMs = nowMs;
    return false;
  }

  #add(frames: Uint8Array, queuedBytes: number): void {
    if (!this.#writing && !this.#queue) return this.#write(frames);
    (this.#queue ??= []).push(frames);
    this.#queuedBytes += queuedBytes;
    this.#flush();
  }

  #flush(): void {
    while (!this.#writing && !this.#isDone) {
      const frames = this.#next();
      if (!frames) return;
      this.#write(frames);
    }
  }

  #next(): Uint8Array | undefined {
    while (this.#queue) {
      const frames = this.#queue.shift()!;
      // An ack behind a dropped delivery would be wrong: see the example above.
      const isDropped = frames === this.#delivery && this.#closeFrame;
      if (isDropped || this.#queue.length === 0) this.#queue = undefined;
      if (isDropped) this.#unqueued(this.#queuedBytes);
      else if (frames !== this.#delivery) this.#unqueued(frames.length);
      if (!isDropped) return frames;
    }
    const pong = this.#pong;
    this.#pong = undefined;
    return pong ?? this.#closeFrame;
  }

  #unqueued(bytes: number): void {
    this.#queuedBytes -= bytes;
    if (!this.#backlog || this.#queuedBytes > MAX_QUEUED_BYTES) return;
    this.#backlog.resolve();
    this.#backlog = undefined;
  }

  #write(frames: Uint8Array): void {
    this.#writing = frames;
    this.#writtenBytes = 0;
    this.#markPlace = 0;
    if (this.#writeParts(frames)) this.#endWrite(frames);
  }

  /** Called when the transport has finished a write later than within the call. */
  onWritten(): void {
    const frames = this.#writing;
    if (!frames || !this.#writeParts(frames)) return;
    this.#endWrite(frames);
    this.#flush();
  }

  /** @returns Whether the system has taken everything. */
  #writeParts(frames: Uint8Array): boolean {
    const { length } = frames;
    while (this.#writtenBytes < length) {
      const nowMs = this.writingSinceMs = this.#options.clock.nowMs;
      const isMark = this.#writtenBytes === this.#markPlace && frames !== this.#closeFrame &&
        this.#isMarkDue(nowMs, 0);
      if (isMark) this.#unmarkedBytes = 0;
      const part = isMark ? this.#marks!.take(nowMs) : this.#takePart(frames, nowMs);
      if (!this.#transport.write(part)) return false;
    }
    return true;
  }

  /** @param nextBytes Bytes that are to be written first. */
  #isMarkDue(nowMs: number, nextBytes: number): boolean {
    const isFar = this.#unmarkedBytes + nextBytes >= MARK_BYTES;
    return isFar && this.#options.role === "server" &&
      (this.#marks ??= new ReadMarks()).isDue(nowMs);
  }

  #takePart(frames: Uint8Array, nowMs: number): Uint8Array {
    const { length } = frames;
    const start = this.#writtenBytes;
    let end = length;
    if (this.#isMarkDue(nowMs, length - start)) {
      if (this.#markPlace <= start) this.#markPlace = nextMarkPlace(frames, this.#markPlace, start);
      end = this.#markPlace;
    }
    end = Math.min(end, start + MAX_WRITE_BYTES);
    this.#writtenBytes = end;
    this.#unmarkedBytes += end - start;
    return end - start === length ? frames : frames.subarray(start, end);
  }

  #endWrite(frames: Uint8Array): void {
    this.#writing = undefined;
    this.writingSinceMs = undefined;
    if (frames === this.#delivery) this.#endDelivery();
    else if (frames === this.#closeFrame) {
      this.#isDone = true;
      this.#listener.onCloseSent();
    }
  }

  #endDelivery(): void {
    const listener = this.#deliveryListener;
    this.#delivery = undefined;
    this.#deliveryListener = undefined;
    listener?.onDelivered();
  }

  #maskingKey(): number | undefined {
    return this.#options.role === "client"
      ? crypto.getRandomValues(new Uint32Array(1))[0]
      : undefined;
  }
}
