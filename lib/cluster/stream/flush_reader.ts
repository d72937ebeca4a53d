import { firstSeqOf, type Flush, type FlushPlace, streamSeqOf } from "./flush.ts";
import { RecentFlushes } from "./recent_flushes.ts";
import { type StreamClients, SubjectReader } from "./subject_reader.ts";

/** What is needed to read the flushes of a room. */
export interface FlushSource {
  readonly clients: StreamClients;
  readonly subject: string;
  /** Decodes a publish. Returns undefined if it is not a valid flush. */
  decode(payload: Uint8Array, place: FlushPlace): Flush | undefined;
}

/** Reads the stored flushes of a room in order, with their duplicates marked. */
export class FlushReader {
  readonly #source: FlushSource;
  readonly #reader: SubjectReader;
  /** The newest flushes that were read. */
  readonly recent: RecentFlushes;
  #next: Flush | undefined;

  /** @param startSeq The stream's sequence number to start from. */
  constructor(source: FlushSource, startSeq: number) {
    this.#source = source;
    this.#reader = new SubjectReader(source.clients, source.subject, startSeq);
    this.recent = new RecentFlushes(firstSeqOf(startSeq) - 1);
  }

  /** Returns the next flush without taking it; undefined if there are no more now. */
  async peek(): Promise<Flush | undefined> {
    while (!this.#next) {
      const message = await this.#reader.next();
      if (!message) return undefined;
      const place = { streamSeq: message.seq, atMs: message.time.getTime() };
      const flush = this.#source.decode(message.data, place);
      if (!flush) continue;
      await appendFlush(this.recent, flush, this.#source);
      this.#next = flush;
    }
    return this.#next;
  }

  /** Takes the flush of the last {@linkcode peek}. */
  take(): void {
    this.#next = undefined;
  }
}

/**
 * Appends the next flush of a room, and marks its duplicates. Reads earlier flushes if they are
 * needed for that: then this returns a promise.
 */
export function appendFlush(
  recent: RecentFlushes,
  flush: Flush,
  source: FlushSource,
): void | Promise<void> {
  if (recent.covers(flush)) return recent.append(flush);
  return readEarlier(source, flush).then((earlier) => recent.append(flush, earlier));
}

/**
 * Reads the flushes before one whose ids were not compared with those of that one. However many
 * there are, all are read: every process must find the same duplicates. It returns those that have
 * an id in common.
 */
async function readEarlier(source: FlushSource, flush: Flush): Promise<Flush[]> {
  const { comparedUpTo = flush.after } = flush;
  const reader = new SubjectReader(source.clients, source.subject, streamSeqOf(comparedUpTo));
  const ids = new Set(flush.messages.map(({ id }) => id));
  const earlier: Flush[] = [];
  for (;;) {
    const message = await reader.next();
    // The server of the reader may have less for a moment than the one that has sent the flush.
    if (!message) throw new Error("NATS has not sent all messages");
    if (message.seq >= flush.streamSeq) return earlier;
    const place = { streamSeq: message.seq, atMs: message.time.getTime() };
    const decoded = source.decode(message.data, place);
    if (!decoded || firstSeqOf(message.seq) <= comparedUpTo) continue;
    // What was before a deletion may be purged or not.
    if (decoded.isDeletion) earlier.length = 0;
    const hasId = decoded.messages.some(({ id }) => id !== undefined && ids.has(id));
    if (hasId) earlier.push(decoded);
  }
}
