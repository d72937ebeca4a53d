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

/** What is remembered of a flush. */
interface RecentFlush {
  readonly streamSeq: number;
  readonly atMs: number;
  readonly lastSeq: number;
  readonly messageCount: number;
  readonly byteCount: number;
  /** The messages with ids. */
  readonly ids: readonly (readonly [key: string, seq: number])[];
  /** The first sequence number of each id. Made when it is needed. */
  seqs?: ReadonlyMap<string, number>;
}

/**
 * The newest flushes of a room, in order: where its tail starts, and which ids their messages have.
 *
 * A message is a duplicate if its author published its id in a flush that the publisher had not
 * received when the message was published, or earlier in the same one. Every process decides this
 * from the stream alone, so all decide alike.
 */
export class RecentFlushes {
  readonly #flushes: RecentFlush[] = [];
  /** All flushes with a message after this sequence number are here. */
  #coveredAfter: number;
  /** The index of the first flush of the tail, and what the flushes from there on have. */
  #tailStart = 0;
  #tailMessages = 0;
  #tailBytes = 0;
  #idCount = 0;

  /** @param coveredAfter The flushes after this sequence number will be appended. */
  constructor(coveredAfter: number) {
    this.#coveredAfter = coveredAfter;
  }

  /** The stream's sequence number of the first flush of the tail; 0 if there is none. */
  get tail(): number {
    return this.#flushes[this.#tailStart]?.streamSeq ?? 0;
  }

  /** Whether it is known which messages of a flush are duplicates. */
  covers({ after, streamSeq, messages }: Flush): boolean {
    return after >= this.#coveredAfter || after >= firstSeqOf(streamSeq) - 1 ||
      messages.every(({ id }) => id === undefined);
  }

  /** Appends the next flush, and marks its duplicates. It must be covered, or `earlier` be given.
   *
   * @param earlier The flushes between the one that its publisher had received and this one.
   */
  append(flush: Flush, earlier?: readonly Flush[]): void {
    const recent = toRecent(flush);
    if (flush.isDeletion) return this.#startOver(flush, recent);
    if (recent.ids.length > 0) {
      const between = earlier?.map(toRecent) ??
        this.#flushes.slice(this.#flushes.findLastIndex((each) => each.lastSeq <= flush.after) + 1);
      markDuplicates(flush, between.filter(({ ids }) => ids.length > 0));
    }
    this.#flushes.push(recent);
    this.#idCount += recent.ids.length;
    this.#tailMessages += recent.messageCount;
    this.#tailBytes += recent.byteCount;
    this.#trim(flush.atMs);
  }

  /** What was before a deletion is of no use. */
  #startOver(flush: Flush, recent: RecentFlush): void {
    flush.messages[0]!.duplicateOf = recent.lastSeq;
    this.#flushes.splice(0, Infinity, recent);
    this.#coveredAfter = Math.max(this.#coveredAfter, flush.after);
    this.#tailStart = 0;
    this.#tailMessages = recent.messageCount;
    this.#tailBytes = recent.byteCount;
    this.#idCount = 0;
  }

  #trim(nowMs: number): void {
    for (;;) {
      const first = this.#flushes[this.#tailStart]!;
      const isNeeded = this.#tailMessages - first.messageCount < MIN_TAIL_MESSAGES ||
        (nowMs - first.atMs <= TAIL_AGE_MS && this.#tailMessages <= MAX_TAIL_MESSAGES &&
          this.#tailBytes <= MAX_TAIL_BYTES);
      if (isNeeded) break;
      this.#tailMessages -= first.messageCount;
      this.#tailBytes -= first.byteCount;
      this.#tailStart++;
    }
    let dropped = 0;
    while (dropped < this.#tailStart) {
      const first = this.#flushes[dropped]!;
      if (nowMs - first.atMs <= TAIL_AGE_MS && this.#idCount <= MAX_IDS) break;
      this.#idCount -= first.ids.length;
      this.#coveredAfter = first.lastSeq;
      dropped++;
    }
    if (dropped === 0) return;
    this.#flushes.splice(0, dropped);
    this.#tailStart -= dropped;
  }
}

function toRecent(flush: Flush): RecentFlush {
  const { streamSeq, atMs, messages, byteCount } = flush;
  const ids = messages.filter(({ id }) => id !== undefined).map((message) =>
    [keyOf(message), message.seq] as const
  );
  const lastSeq = lastSeqOf(flush);
  return { streamSeq, atMs, lastSeq, messageCount: messages.length, byteCount, ids };
}

function markDuplicates(flush: Flush, between: readonly RecentFlush[]): void {
  const own = new Map<string, number>();
  for (const message of flush.messages) {
    if (message.id === undefined) continue;
    const key = keyOf(message);
    const seq = between.map((each) => seqsOf(each).get(key)).find((seq) => seq !== undefined) ??
      own.get(key);
    if (seq !== undefined) message.duplicateOf = seq;
    else own.set(key, message.seq);
  }
}

/** Returns the first sequence number of each id of a flush. */
function seqsOf(flush: RecentFlush): ReadonlyMap<string, number> {
  return flush.seqs ??= new Map(flush.ids.toReversed());
}

function keyOf({ author, id }: FlushMessage): string {
  return `${author.id ?? ""}\n${id}`;
}
