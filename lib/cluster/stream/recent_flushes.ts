import type { Author } from "../../chat/message.ts";
import { firstSeqOf, type Flush, type FlushMessage, lastSeqOf } from "./flush.ts";

/** A process that opens a room knows at least this many of its newest messages. */
const MIN_TAIL_MESSAGES = 100;

/** It also knows the messages of this time, as clients may publish those again with their ids. */
const TAIL_AGE_MS = 2 * 60_000;

/** But no more of them than these. */
const MAX_TAIL_MESSAGES = 10_000;
const MAX_TAIL_BYTES = 1024 ** 2;

/** The maximum number of ids to remember, besides those of the tail. */
const MAX_IDS = 100_000;

/** Ids of so much time are forgotten together. */
const ID_SPAN_MS = 1000;

/** What is remembered of a flush of the tail. */
interface TailFlush {
  readonly streamSeq: number;
  readonly atMs: number;
  readonly lastSeq: number;
  readonly messageCount: number;
  readonly byteCount: number;
}

/**
 * The newest flushes of a room, in order: where its tail starts, and which ids their messages have.
 *
 * A message is a duplicate if its author published its id in a flush that the publisher had not
 * received when the message was published, or earlier in the same one. Every process decides this
 * from the stream alone, so all decide alike.
 */
export class RecentFlushes {
  readonly #ids = new RecentIds();
  /** The ids of all flushes with a message after this sequence number are known. */
  #coveredAfter: number;
  /** The flushes of the tail, from an index on, and what they have together. */
  readonly #tail: TailFlush[] = [];
  #tailStart = 0;
  #tailMessages = 0;
  #tailBytes = 0;

  /** @param coveredAfter The flushes after this sequence number will be appended. */
  constructor(coveredAfter: number) {
    this.#coveredAfter = coveredAfter;
  }

  /** The stream's sequence number of the first flush of the tail; 0 if there is none. */
  get tail(): number {
    return this.#tail[this.#tailStart]?.streamSeq ?? 0;
  }

  /**
   * The stream's sequence number of the flush that came after the one with a message; undefined if
   * that is not in the tail, or is the newest.
   */
  nextAfter(seq: number): number | undefined {
    const index = this.#tail.findLastIndex(({ streamSeq }) => firstSeqOf(streamSeq) <= seq);
    const hasMessage = index >= this.#tailStart && this.#tail[index]!.lastSeq >= seq;
    return hasMessage ? this.#tail[index + 1]?.streamSeq : undefined;
  }

  /** The first sequence number with which an author published an id, if that is known. */
  seqOf(author: Author, id: string): number | undefined {
    return this.#ids.firstAfter(keyOf({ author, id }), 0);
  }

  /** Whether it is known which messages of a flush are duplicates. */
  covers({ after, comparedUpTo = after, streamSeq, messages }: Flush): boolean {
    return comparedUpTo >= this.#coveredAfter || comparedUpTo >= firstSeqOf(streamSeq) - 1 ||
      messages.every(({ id }) => id === undefined);
  }

  /**
   * Appends the next flush, and marks its duplicates. It must be covered, or `earlier` be given.
   *
   * @param earlier The flushes before it whose ids were not compared with its own.
   */
  append(flush: Flush, earlier?: readonly Flush[]): void {
    if (flush.isDeletion) this.#startOver(flush);
    else this.#markDuplicates(flush, earlier);
    const { streamSeq, atMs, messages, byteCount } = flush;
    const messageCount = messages.length;
    this.#tail.push({ streamSeq, atMs, lastSeq: lastSeqOf(flush), messageCount, byteCount });
    this.#tailMessages += messageCount;
    this.#tailBytes += byteCount;
    this.#trim(atMs);
  }

  #markDuplicates(flush: Flush, earlier: readonly Flush[] | undefined): void {
    const firsts = earlier && firstSeqs(earlier);
    const { comparedUpTo = flush.after } = flush;
    const after = firsts ? firstSeqOf(flush.streamSeq) - 1 : comparedUpTo;
    for (const message of flush.messages) {
      if (message.id === undefined) continue;
      const key = keyOf(message);
      const seq = firsts?.get(key) ?? this.#ids.firstAfter(key, after);
      if (seq !== undefined) message.duplicateOf = seq;
      this.#ids.add(key, message.seq, flush.atMs);
    }
  }

  /** What was before a deletion is of no use. */
  #startOver(flush: Flush): void {
    flush.messages[0]!.duplicateOf = lastSeqOf(flush);
    this.#coveredAfter = Math.max(this.#coveredAfter, flush.after);
    this.#ids.clear();
    this.#tail.length = 0;
    this.#tailStart = 0;
    this.#tailMessages = 0;
    this.#tailBytes = 0;
  }

  #trim(nowMs: number): void {
    for (;;) {
      const first = this.#tail[this.#tailStart]!;
      const isNeeded = this.#tailMessages - first.messageCount < MIN_TAIL_MESSAGES ||
        (nowMs - first.atMs <= TAIL_AGE_MS && this.#tailMessages <= MAX_TAIL_MESSAGES &&
          this.#tailBytes <= MAX_TAIL_BYTES);
      if (isNeeded) break;
      this.#tailMessages -= first.messageCount;
      this.#tailBytes -= first.byteCount;
      this.#tailStart++;
    }
    const beforeTail = firstSeqOf(this.tail) - 1;
    const dropped = this.#ids.trim(beforeTail, nowMs - TAIL_AGE_MS, MAX_IDS);
    this.#coveredAfter = Math.max(this.#coveredAfter, dropped);
    // Not one by one: that would move the others each time.
    if (this.#tailStart * 2 <= this.#tail.length) return;
    this.#tail.splice(0, this.#tailStart);
    this.#tailStart = 0;
  }
}

/** Ids that were added in one span of time. They are dropped together. */
interface IdSpan {
  readonly startMs: number;
  /** The time and the sequence number of the last one. */
  endMs: number;
  lastSeq: number;
}

/** With which sequence numbers ids were published. */
class RecentIds {
  /** By author and id, in the order of the last sequence number. Nearly all have only one. */
  readonly #seqs = new Map<string, number | number[]>();
  #spans: IdSpan[] = [];

  /** Returns the first sequence number after another one with which an id was published. */
  firstAfter(key: string, after: number): number | undefined {
    const seqs = this.#seqs.get(key);
    if (typeof seqs === "object") return seqs.find((seq) => seq > after);
    return seqs !== undefined && seqs > after ? seqs : undefined;
  }

  /** Adds an id with a larger sequence number than all before. */
  add(key: string, seq: number, atMs: number): void {
    const before = this.#seqs.get(key);
    if (before !== undefined) this.#seqs.delete(key);
    this.#seqs.set(key, before === undefined ? seq : [before, seq].flat());
    const span = this.#spans.at(-1);
    if (span && atMs - span.startMs < ID_SPAN_MS) {
      span.endMs = Math.max(span.endMs, atMs);
      span.lastSeq = seq;
    } else this.#spans.push({ startMs: atMs, endMs: atMs, lastSeq: seq });
  }

  /**
   * Drops ids up to a sequence number, if they are older than a time or too many. Returns the last
   * sequence number that was dropped; 0 if none was.
   */
  trim(upTo: number, untilMs: number, maxCount: number): number {
    let dropped = 0;
    for (let span; (span = this.#spans[0]) && span.lastSeq <= upTo;) {
      if (span.endMs >= untilMs && this.#seqs.size <= maxCount) break;
      this.#spans.shift();
      dropped = span.lastSeq;
      this.#forget(dropped);
    }
    return dropped;
  }

  clear(): void {
    this.#seqs.clear();
    this.#spans = [];
  }

  #forget(upTo: number): void {
    for (const [key, seqs] of this.#seqs) {
      const lastSeq = typeof seqs === "object" ? seqs.at(-1)! : seqs;
      if (lastSeq > upTo) break;
      this.#seqs.delete(key);
    }
  }
}

/** Returns the first sequence number of each id. */
function firstSeqs(flushes: readonly Flush[]): ReadonlyMap<string, number> {
  const seqs = new Map<string, number>();
  for (const { messages } of flushes) {
    for (const message of messages) {
      if (message.id === undefined) continue;
      const key = keyOf(message);
      if (!seqs.has(key)) seqs.set(key, message.seq);
    }
  }
  return seqs;
}

function keyOf({ author, id }: Pick<FlushMessage, "author" | "id">): string {
  return `${author.id ?? ""}\n${id}`;
}
