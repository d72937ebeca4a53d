import type { StreamedMessage, StreamPage } from "../../chat/backplane.ts";
import { firstSeqOf, type Flush, lastSeqOf, streamSeqOf } from "./flush.ts";
import { FlushReader, type FlushSource } from "./flush_reader.ts";
import { STREAM } from "./stream_setup.ts";
import { READER_IDLE_MS } from "./subject_reader.ts";

/** The maximum number of readers of a room that wait for the next page. */
const MAX_IDLE_READERS = 8;

/** A reader that waits for the next page. */
interface IdleReader {
  readonly reader: FlushReader;
  /** The last sequence number of the page before. */
  readonly lastSeq: number;
  readonly untilMs: number;
}

/** Reads the stored messages of a room page by page. */
export class RoomPages {
  readonly #source: FlushSource;
  /** The sequence number of the newest message that this process has received. */
  readonly #headSeq: () => number;
  /** The one that has been idle for the longest time first. */
  #idle: IdleReader[] = [];

  constructor(source: FlushSource, headSeq: () => number) {
    this.#source = source;
    this.#headSeq = headSeq;
  }

  /** See `RoomStream.read`. A reader stays open for the next page, which is then quick. */
  async read(after: number, limit: number, maxLength: number): Promise<StreamPage> {
    const idle = this.#takeIdle(after);
    const reader = idle ?? new FlushReader(this.#source, streamSeqOf(after));
    const headSeq = this.#headSeq();
    const first = await reader.peek();
    const hasGap = idle ? first !== undefined && first.after > after : isGap(after, first, headSeq);
    const messages: StreamedMessage[] = [];
    let length = 0;
    let lastSeq = after;
    const isFull = () => messages.length >= limit || length >= maxLength;
    for (let flush = first; flush && lastSeq < headSeq && !isFull(); flush = await reader.peek()) {
      for (const message of flush.messages) {
        if (message.seq <= lastSeq) continue;
        if (message.seq > headSeq || isFull()) break;
        lastSeq = message.seq;
        if (message.duplicateOf !== undefined) continue;
        messages.push(message);
        length += message.payload.length;
      }
      if (lastSeq < lastSeqOf(flush)) break;
      reader.take();
    }
    if (lastSeq < headSeq) this.#putIdle(reader, lastSeq);
    return { messages, hasGap, lastSeq };
  }

  /** See `RoomStream.readBefore`. Each flush tells where to find those before. */
  async readBefore(upTo: number, limit: number): Promise<StreamedMessage[]> {
    let messages: StreamedMessage[] = [];
    let startSeq = await this.#startBefore(upTo);
    for (let endSeq = upTo; startSeq !== undefined && messages.length < limit;) {
      const reader = new FlushReader(this.#source, startSeq);
      const first = await reader.peek();
      const found: StreamedMessage[] = [];
      for (let flush = first; flush && firstSeqOf(flush.streamSeq) <= endSeq;) {
        for (const message of flush.messages) {
          if (message.seq <= endSeq && message.duplicateOf === undefined) found.push(message);
        }
        reader.take();
        flush = await reader.peek();
      }
      messages = [...found, ...messages];
      // The flushes before are deleted, or there are none.
      if (!first || first.tail === 0 || first.tail >= first.streamSeq) break;
      if (first.streamSeq > startSeq) break;
      endSeq = firstSeqOf(first.streamSeq) - 1;
      startSeq = first.tail;
    }
    return limit > 0 ? messages.slice(-limit) : [];
  }

  /** Returns where to start to read the newest messages up to a sequence number. */
  async #startBefore(upTo: number): Promise<number | undefined> {
    const { link, manager } = this.#source.clients;
    const { subject } = this.#source;
    const query = { seq: Math.max(1, streamSeqOf(upTo)), next_by_subj: subject };
    const stored = await link.call(() => manager.streams.getMessage(STREAM, query)) ??
      await link.call(() => manager.streams.getMessage(STREAM, { last_by_subj: subject }));
    if (!stored) return undefined;
    const place = { streamSeq: stored.seq, atMs: stored.time.getTime() };
    return this.#source.decode(stored.data, place)?.tail || stored.seq;
  }

  #takeIdle(lastSeq: number): FlushReader | undefined {
    const nowMs = performance.now();
    this.#idle = this.#idle.filter(({ untilMs }) => untilMs > nowMs);
    const index = this.#idle.findIndex((idle) => idle.lastSeq === lastSeq);
    return index < 0 ? undefined : this.#idle.splice(index, 1)[0]!.reader;
  }

  #putIdle(reader: FlushReader, lastSeq: number): void {
    // NATS forgets the reader a while after the last fetch, which was before.
    const untilMs = performance.now() + READER_IDLE_MS / 2;
    this.#idle.push({ reader, lastSeq, untilMs });
    if (this.#idle.length > MAX_IDLE_READERS) this.#idle.shift();
  }
}

/** Whether there may have been messages between a sequence number and the first stored flush. */
function isGap(after: number, first: Flush | undefined, headSeq: number): boolean {
  if (!first) return after !== headSeq;
  const firstSeq = firstSeqOf(first.streamSeq);
  if (after >= firstSeq && after <= lastSeqOf(first)) return false;
  return after + 1 !== firstSeq && first.after !== after &&
    !(first.after > 0 && first.after < after);
}
