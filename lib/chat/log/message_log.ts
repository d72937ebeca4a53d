import type { LogBudget } from "./log_budget.ts";
import { frameBytes, headerBytes, writeHeader } from "../../websocket/frame.ts";

/** How large a chunk gets. It is also the most that is read at a time. */
const LARGEST_CHUNK_BYTES = 256 * 1024;

/** How large the first chunk is, so that a room in which little is said stays small. Each is twice the one before. */
const FIRST_CHUNK_BYTES = 4 * 1024;

/** A part of the log. Its bytes are written once and never again, as a write to a socket may be reading them. */
interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the chunk begins in the log. */
  readonly start: number;
  /** How many messages were appended before its first. */
  readonly messagesBefore: number;
  used: number;
}

/** A range of the log. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** What the log is bounded by. */
export interface MessageLogOptions {
  /** How many bytes are kept at least; the oldest chunk goes as soon as those behind it are as many. */
  readonly retentionBytes: number;
  /** The number of the message before the first that is appended. */
  readonly headSeq?: number;
  /** What all logs share. When that is used up, this one keeps less. */
  readonly budget: LogBudget;
}

/**
 * The messages of a room as WebSocket frames, encoded once, one behind the other, each at an offset that never changes.
 * Whoever reads it does so with a {@linkcode Cursor}, which costs next to nothing however far it lags: the log is kept once
 * for all.
 *
 * Messages are numbered one by one. Between them may be events, which have no number and concern only those who are there
 * to read them.
 */
export class MessageLog {
  readonly #retentionBytes: number;
  readonly #budget: LogBudget;
  #chunks: Chunk[] = [];
  #head = 0;
  #headSeq: number;
  /** The events that are kept, in order. */
  #events: Range[] = [];
  /** What was read last: nearly every reader reads the same, and a view costs more than a comparison. */
  #lastRead = { from: -1, to: -1, frames: new Uint8Array(0) };

  /** Nothing behind this offset is dropped, whatever is to be kept. */
  heldFrom = Infinity;
  /** What {@linkcode seqAt} has found last. */
  #lastNumber: NumberedOffset = { offset: -1, number: -1 };

  constructor({ retentionBytes, headSeq = 0, budget }: MessageLogOptions) {
    this.#retentionBytes = retentionBytes;
    this.#budget = budget;
    this.#headSeq = headSeq;
  }

  /** The offset behind the newest frame. */
  get head(): number {
    return this.#head;
  }

  /** The offset of the oldest frame that is kept. */
  get start(): number {
    return this.#chunks[0]?.start ?? this.#head;
  }

  /** The number of the newest message. */
  get headSeq(): number {
    return this.#headSeq;
  }

  /** The number of the message before the oldest that is kept. */
  get seqBefore(): number {
    return this.#chunks[0]?.messagesBefore ?? this.#headSeq;
  }

  /**
   * Appends a message, `bytes` from `start` to `end`, as a frame.
   *
   * @returns The offset of the frame; it ends at the new head.
   */
  append(opcode: number, bytes: Uint8Array, start: number, end: number): number {
    const offset = this.#append(opcode, bytes, start, end);
    this.#headSeq++;
    return offset;
  }

  /** Appends a frame without a number. */
  appendEvent(opcode: number, bytes: Uint8Array): void {
    const start = this.#append(opcode, bytes, 0, bytes.length);
    this.#events.push({ start, end: this.#head });
  }

  /** Gives back the memory. Nothing may be appended after that. */
  dispose(): void {
    for (const { bytes } of this.#chunks) this.#budget.add(-bytes.length);
  }

  /** The end of the message of this number, which must be kept, or that of the one before the oldest. */
  offsetAfter(number: number): number {
    let at = this.#chunks.findLast(({ messagesBefore }) => messagesBefore <= number);
    at ??= this.#chunks[0];
    return at ? this.#walk(at, { offset: Infinity, number }).offset : this.#head;
  }

  /** The number of the last message that ends at or before an offset, which must be kept and the end of a frame. */
  seqAt(offset: number): number {
    if (offset === this.#head) return this.#headSeq;
    if (offset !== this.#lastNumber.offset) {
      this.#lastNumber = this.#walk(this.#chunkAt(offset), { offset, number: Infinity });
    }
    return this.#lastNumber.number;
  }

  /** The events from one offset up to another that are kept, in order. */
  events(from: number, to: number): Range[] {
    return this.#events.filter(({ start }) => start >= from && start < to);
  }

  /** Walks over the frames of a chunk until it comes to an offset or to the end of a message. */
  #walk(chunk: Chunk, until: NumberedOffset): NumberedOffset {
    let { start: offset, messagesBefore: number } = chunk;
    let aside = this.#events.findIndex(({ start }) => start >= offset);
    const end = Math.min(until.offset, chunk.start + chunk.used);
    while (offset < end && number < until.number) {
      const isAside = this.#events[aside]?.start === offset;
      offset += frameBytes(chunk.bytes, offset - chunk.start);
      if (isAside) aside++;
      else number++;
    }
    return { offset, number };
  }

  #append(opcode: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const chunk = this.#chunkFor(headerBytes(length) + length);
    let at = writeHeader(chunk.bytes, chunk.used, opcode, length);
    // Setting a view costs more than copying a short message by hand.
    if (length > 64) chunk.bytes.set(bytes.subarray(start, end), at);
    else for (let from = start; from < end;) chunk.bytes[at++] = bytes[from++]!;
    const offset = this.#head;
    chunk.used += headerBytes(length) + length;
    this.#head = chunk.start + chunk.used;
    return offset;
  }

  /**
   * The whole frames from one offset of the log up to another, or as many of them as stand in one piece of memory. Both
   * must be kept, and be the ends of frames.
   */
  read(from: number, to: number): Uint8Array {
    const last = this.#lastRead;
    if (last.from === from && last.to === to) return last.frames;
    const chunk = this.#chunkAt(from);
    const frames = chunk.bytes.subarray(from - chunk.start, Math.min(chunk.used, to - chunk.start));
    this.#lastRead = { from, to, frames };
    return frames;
  }

  #chunkFor(frameBytes: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last && last.bytes.length - last.used >= frameBytes) return last;
    const size = Math.min(LARGEST_CHUNK_BYTES, last ? 2 * last.bytes.length : FIRST_CHUNK_BYTES);
    const chunk = {
      bytes: new Uint8Array(Math.max(size, frameBytes)),
      start: this.#head,
      messagesBefore: this.#headSeq,
      used: 0,
    };
    this.#chunks.push(chunk);
    this.#budget.add(chunk.bytes.length);
    while (this.#chunks.length > 1 && this.#isOldestSpare()) {
      this.#budget.add(-this.#chunks.shift()!.bytes.length);
    }
    while (this.#events.length > 0 && this.#events[0]!.start < this.start) this.#events.shift();
    return chunk;
  }

  /** Whether there is still enough without the oldest chunk, or there must be less. */
  #isOldestSpare(): boolean {
    const { start } = this.#chunks[1]!;
    return start <= this.heldFrom &&
      (this.#budget.isOver || this.#head - start >= this.#retentionBytes);
  }

  #chunkAt(offset: number): Chunk {
    // Nearly every cursor is near the head.
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index]!;
      if (chunk.start <= offset) return chunk;
    }
    throw new RangeError(`Cannot read the log at ${offset} as it is kept from ${this.start} on`);
  }
}

/** The end of a message, and its number. */
interface NumberedOffset {
  readonly offset: number;
  readonly number: number;
}

/**
 * How far one reader has been served.
 *
 * A reader is not served what it has said itself. Its own ranges wait in the cursor until the cursor has passed them.
 */
export class Cursor {
  readonly #log: MessageLog;
  #position: number;
  /** Starts and ends, by turns, of the reader's own frames, in order and not touching; from `#nextOwn` on, ahead. */
  #own: number[] = [];
  #nextOwn = 0;

  constructor(log: MessageLog, position: number = log.head) {
    this.#log = log;
    this.#position = position;
  }

  /** The offset up to which the reader has been served. */
  get position(): number {
    return this.#position;
  }

  /** Whether there is something to read. */
  get isBehind(): boolean {
    this.#passOwn();
    return this.#position < this.#log.head;
  }

  /** Whether the log has dropped something that the reader has not been served. */
  get isLost(): boolean {
    this.#passOwn();
    return this.#position < this.#log.start;
  }

  /** Keeps a range of the log, just appended, from being served. */
  skip(start: number, end: number): void {
    if (start === this.#own.at(-1)) this.#own[this.#own.length - 1] = end;
    else this.#own.push(start, end);
    this.#passOwn();
  }

  /**
   * Takes the next frames: all up to the head, or up to a frame of the reader's own, or as many as stand in one piece of
   * memory. undefined if there are none. Throws a RangeError if the cursor is lost.
   */
  take(): Uint8Array | undefined {
    if (!this.isBehind) return undefined;
    const frames = this.#log.read(this.#position, this.#own[this.#nextOwn] ?? this.#log.head);
    this.#position += frames.length;
    return frames;
  }

  /**
   * Moves a lost cursor to the oldest frame that is kept.
   *
   * @returns How many bytes of the log it has missed, its own among them.
   */
  skipToOldest(): number {
    const missed = Math.max(0, this.#log.start - this.#position);
    this.#position += missed;
    this.#passOwn();
    return missed;
  }

  #passOwn(): void {
    while (this.#nextOwn < this.#own.length && this.#own[this.#nextOwn]! <= this.#position) {
      this.#position = Math.max(this.#position, this.#own[this.#nextOwn + 1]!);
      this.#nextOwn += 2;
    }
    // Cutting the passed ones off costs as much as there are left, so it waits until they are the greater part.
    if (this.#nextOwn > this.#own.length / 2) {
      this.#own.splice(0, this.#nextOwn);
      this.#nextOwn = 0;
    }
  }
}
