import { headerBytes, payloadStart, writeHeader } from "../../websocket/frame.ts";
import type { BudgetedLog, LogBudget } from "./log_budget.ts";
import { type Chunk, LogIndex, type OffsetRange } from "./log_index.ts";

/** The size of a full-grown chunk, and the maximum that one read returns. */
const LARGEST_CHUNK_BYTES = 256 * 1024;

/** The first chunk is small, so that a quiet room stays small. Each next one has twice its size. */
const FIRST_CHUNK_BYTES = 4 * 1024;

/**
 * Once half of the budget is used, a new chunk takes at most this part of the log's share, so that
 * a log that has to shrink to its share need not drop all of it.
 */
const CHUNK_PART_OF_SHARE = 1 / 4;

/** The part of the retention in which frames that wait for readers are not dropped. */
const UNSERVED_PART_OF_RETENTION = 1 / 4;

/** What a {@linkcode MessageLog} is made of. */
export interface MessageLogOptions {
  /** When the log needs a chunk, it drops its oldest one if those after it hold so many bytes. */
  readonly retentionBytes: number;
  /** The sequence number of the last message before the log; 0 by default. */
  readonly headSeq?: number;
  /** The memory that all logs share. While it is exceeded, the log may retain only its share. */
  readonly budget: LogBudget;
  /** Called when the log has dropped its oldest messages. */
  readonly onDropped?: () => void;
}

/**
 * The messages of a room in memory: WebSocket frames, encoded once, in order. Each frame has an
 * offset in bytes, which never changes.
 *
 * Readers read through a {@linkcode Cursor}. A reader that falls behind costs no memory, because
 * all readers share the log.
 *
 * Messages have ascending sequence numbers, which are consecutive unless a backplane gives others.
 * Between them there may be events, such as `joined`: they have no sequence number, and are only
 * for members that are present.
 */
export class MessageLog implements BudgetedLog {
  readonly #retentionBytes: number;
  readonly #budget: LogBudget;
  readonly #onDropped: (() => void) | undefined;
  #chunks: Chunk[] = [];
  #newest: Chunk | undefined;
  #start = 0;
  #head = 0;
  #headSeq: number;
  #messageCount = 0;
  readonly #index = new LogIndex();
  /** The last result of {@linkcode read}: most readers of a sweep ask for the same range. */
  #lastFrom = -1;
  #lastTo = -1;
  #lastFrames: Uint8Array = NOTHING;
  /** The last result of {@linkcode seqAt}. */
  #lastSeqAt = { offset: -1, seq: -1 };

  /** Frames from this offset on are not dropped, whatever the retention. Infinity pins nothing. */
  pinnedFrom = Infinity;

  /**
   * Some reader that keeps up has not been served the frames from this offset on. The last ones, up
   * to a quarter of the retention, are not dropped for other logs. Set by {@linkcode Broadcast}.
   */
  unservedFrom = Infinity;

  constructor({ retentionBytes, headSeq = 0, budget, onDropped }: MessageLogOptions) {
    this.#retentionBytes = retentionBytes;
    this.#budget = budget;
    this.#onDropped = onDropped;
    this.#headSeq = headSeq;
  }

  /** The offset at which the newest frame ends. */
  get head(): number {
    return this.#head;
  }

  /** The offset at which the oldest retained frame starts. */
  get start(): number {
    return this.#start;
  }

  /** The sequence number of the newest message. */
  get headSeq(): number {
    return this.#headSeq;
  }

  /** The number of messages that were ever appended. */
  get messageCount(): number {
    return this.#messageCount;
  }

  /** The sequence number of the message before the oldest retained one. */
  get seqBefore(): number {
    return this.#chunks[0]?.seqBefore ?? this.#headSeq;
  }

  /** Sets the sequence number of the last message before the log, which must be empty. */
  startAfter(seq: number): void {
    this.#headSeq = seq;
  }

  /**
   * Appends `bytes[start, end)` as a message. Returns the offset of its frame, which ends at the
   * new head.
   *
   * @param seq Its sequence number, by default the next one. It must be greater than the last one.
   */
  append(
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    seq: number = this.#headSeq + 1,
  ): number {
    const offset = this.#append(opcode, bytes, start, end);
    if (seq !== this.#headSeq + 1) this.#index.addJump({ start: offset, seq });
    this.#headSeq = seq;
    this.#messageCount++;
    return offset;
  }

  /** Appends an event: a frame without a sequence number. */
  appendEvent(opcode: number, bytes: Uint8Array): void {
    const start = this.#append(opcode, bytes, 0, bytes.length);
    this.#index.addEvent({ start, end: this.#head });
  }

  /** Returns the memory to the budget. Nothing may be appended afterwards. */
  dispose(): void {
    this.#budget.remove(this);
  }

  dropOldest(): boolean {
    const next = this.#chunks[1];
    const unservedFrom = Math.max(
      this.unservedFrom,
      this.#head - UNSERVED_PART_OF_RETENTION * this.#retentionBytes,
    );
    if (!next || next.start > Math.min(this.pinnedFrom, unservedFrom)) return false;
    const { bytes } = this.#chunks.shift()!;
    this.#start = next.start;
    if (this.#lastFrom < this.#start) {
      this.#lastFrom = -1;
      this.#lastFrames = NOTHING;
    }
    this.#index.dropBefore(this.#start);
    this.#budget.add(this, -bytes.length);
    this.#onDropped?.();
    return true;
  }

  /**
   * The offset at which the last message up to a sequence number ends; if no such message is
   * retained, the offset at which the log starts.
   */
  offsetAfter(seq: number): number {
    // The message may be in a chunk before: this one may start with events, or with later messages.
    for (let at = this.#chunks.findLastIndex((each) => each.seqBefore <= seq); at >= 0; at--) {
      const chunk = this.#chunks[at]!;
      const { offset } = this.#index.lastUpTo(chunk, { offset: Infinity, seq });
      if (offset > chunk.start) return offset;
    }
    return this.#start;
  }

  /**
   * The sequence number of the message before the newest messages, so many of them; undefined if
   * the log has fewer.
   */
  seqBeforeNewest(count: number): number | undefined {
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index]!;
      const seqs = [chunk.seqBefore];
      this.#index.eachMessage(chunk, (seq) => seqs.push(seq) > 0);
      if (count < seqs.length) return seqs[seqs.length - 1 - count];
      count -= seqs.length - 1;
    }
    return count === 0 ? this.seqBefore : undefined;
  }

  /**
   * Calls `visit` with each message after a sequence number, in order, until it returns false. The
   * log must retain all of them.
   */
  eachAfter(
    seq: number,
    visit: (seq: number, opcode: number, payload: Uint8Array) => boolean,
  ): void {
    const first = this.#chunks.findLastIndex(({ seqBefore }) => seqBefore <= seq);
    let goesOn = true;
    for (let index = Math.max(0, first); goesOn && index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index]!;
      this.#index.eachMessage(chunk, (eachSeq, start, end) => {
        if (eachSeq <= seq) return true;
        const { bytes } = chunk;
        const at = start - chunk.start;
        const payload = bytes.subarray(payloadStart(bytes, at), end - chunk.start);
        return goesOn = visit(eachSeq, bytes[at]! & 0x0f, payload);
      });
    }
  }

  /**
   * The sequence number of the last message that ends at or before an offset, which must be a
   * retained frame's end.
   */
  seqAt(offset: number): number {
    if (offset === this.#head) return this.#headSeq;
    if (offset !== this.#lastSeqAt.offset) {
      const { seq } = this.#index.lastUpTo(this.#chunkAt(offset), { offset, seq: Infinity });
      this.#lastSeqAt = { offset, seq };
    }
    return this.#lastSeqAt.seq;
  }

  /** The retained events that start in `[from, to)`, in order. */
  events(from: number, to: number): OffsetRange[] {
    return this.#index.events(from, to);
  }

  /**
   * Returns whole frames from one offset up to another, or up to the end of the chunk if that is
   * nearer. Both offsets must be ends of retained frames.
   *
   * @throws {RangeError} If the log no longer has them.
   */
  read(from: number, to: number): Uint8Array {
    if (this.#lastFrom === from && this.#lastTo === to) return this.#lastFrames;
    const chunk = this.#chunkAt(from);
    const end = Math.min(chunk.usedBytes, to - chunk.start);
    const frames = chunk.bytes.subarray(from - chunk.start, end);
    this.#lastFrom = from;
    this.#lastTo = to;
    return this.#lastFrames = frames;
  }

  #append(opcode: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const chunk = this.#chunkFor(headerBytes(length) + length);
    let at = writeHeader(chunk.bytes, chunk.usedBytes, opcode, length);
    // For a short message, making a view costs more than copying by hand.
    if (length > 64) chunk.bytes.set(bytes.subarray(start, end), at);
    else for (let from = start; from < end;) chunk.bytes[at++] = bytes[from++]!;
    const offset = this.#head;
    chunk.usedBytes += headerBytes(length) + length;
    this.#head = chunk.start + chunk.usedBytes;
    return offset;
  }

  #chunkFor(frameBytes: number): Chunk {
    const last = this.#newest;
    if (last && last.bytes.length - last.usedBytes >= frameBytes) return last;
    const size = last ? Math.min(2 * last.bytes.length, this.#maxChunkBytes) : FIRST_CHUNK_BYTES;
    const chunk = {
      bytes: new Uint8Array(Math.max(size, frameBytes)),
      start: this.#head,
      seqBefore: this.#headSeq,
      usedBytes: 0,
    };
    this.#chunks.push(chunk);
    this.#newest = chunk;
    while (this.#isOldestExpired && this.dropOldest());
    this.#budget.add(this, chunk.bytes.length);
    return chunk;
  }

  get #maxChunkBytes(): number {
    const { isHalfUsed, shareBytes } = this.#budget;
    if (!isHalfUsed) return LARGEST_CHUNK_BYTES;
    const bytes = 2 ** Math.floor(Math.log2(CHUNK_PART_OF_SHARE * shareBytes));
    return Math.min(LARGEST_CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES, bytes));
  }

  /** Whether the chunks after the oldest have as many bytes as the log should retain. */
  get #isOldestExpired(): boolean {
    const next = this.#chunks[1];
    return next !== undefined && this.#head - next.start >= this.#retentionBytes;
  }

  #chunkAt(offset: number): Chunk {
    const newest = this.#newest;
    if (newest && newest.start <= offset) return newest;
    for (let index = this.#chunks.length - 2; index >= 0; index--) {
      const chunk = this.#chunks[index]!;
      if (chunk.start <= offset) return chunk;
    }
    throw new RangeError(`Cannot read the log before its start at ${this.start}: ${offset}`);
  }
}

const NOTHING = new Uint8Array(0);
