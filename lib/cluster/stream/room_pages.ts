import type { StreamedMessage, StreamPage } from "../../chat/backplane.ts";
import { firstSeqOf, type Flush, lastSeqOf, streamSeqOf } from "./flush.ts";
import { FlushReader, type FlushSource } from "./flush_reader.ts";
import { STREAM } from "./stream_setup.ts";
import { isComplete, isStored } from "./stored_flushes.ts";
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

/** What a process knows of a room. */
export interface KnownRoom {
  /** The sequence number of the newest message that this process has received. */
  readonly headSeq: number;
  /** All messages up to this sequence number were deleted, even if they are stored; or 0. */
  readonly clearedSeq: number;
  /** See `RecentFlushes.nextAfter`. */
  nextAfter(seq: number): number | undefined;
}

/** Reads the stored messages of a room page by page. */
export class RoomPages {
  readonly #source: FlushSource;
  readonly #room: KnownRoom;
  /** The one that has been idle for the longest time first. */
  #idle: IdleReader[] = [];

  constructor(source: FlushSource, room: KnownRoom) {
    this.#source = source;
    this.#room = room;
  }

  /** See `RoomStream.read`. A reader stays open for the next page, which is then quick. */
  async read(after: number, limit: number, maxLength: number): Promise<StreamPage> {
    const { headSeq, clearedSeq } = this.#room;
    const start = Math.max(after, clearedSeq);
    const reader = this.#takeIdle(start) ?? new FlushReader(this.#source, streamSeqOf(start));
    const first = await reader.peek();
    let isCleared = start > after;
    let messages: StreamedMessage[] = [];
    let length = 0;
    let lastSeq = start;
    const isFull = () => messages.length >= limit || length >= maxLength;
    for (let flush = first; flush && lastSeq < headSeq && !isFull(); flush = await reader.peek()) {
      if (flush.isDeletion && firstSeqOf(flush.streamSeq) > lastSeq) {
        isCleared = true;
        messages = [];
        length = 0;
      }
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
    const hasGap = isCleared || !await this.#isWhole(start, first, headSeq);
    return { messages, hasGap, lastSeq };
  }

  /** See `RoomStream.readBefore`. Each flush tells where to find those before. */
  async readBefore(upTo: number, limit: number): Promise<StreamedMessage[]> {
    let messages: StreamedMessage[] = [];
    if (upTo <= this.#room.clearedSeq) return [];
    let startSeq = await this.#startBefore(upTo);
    for (let endSeq = upTo; startSeq !== undefined && messages.length < limit;) {
      const reader = new FlushReader(this.#source, startSeq);
      const first = await reader.peek();
      let found: StreamedMessage[] = [];
      let isCleared = false;
      for (let flush = first; flush && firstSeqOf(flush.streamSeq) <= endSeq;) {
        if (flush.isDeletion) {
          isCleared = true;
          found = [];
        }
        for (const message of flush.messages) {
          if (message.seq <= endSeq && message.duplicateOf === undefined) found.push(message);
        }
        reader.take();
        flush = await reader.peek();
      }
      messages = [...found, ...messages];
      // The flushes before are deleted, or there are none.
      if (isCleared || !first || first.tail === 0 || first.tail >= first.streamSeq) break;
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

  /**
   * Whether no message was removed between a sequence number and the flush that was read first, or
   * since then. The sequence numbers that publishers had received do not tell: they lag.
   */
  async #isWhole(after: number, first: Flush | undefined, headSeq: number): Promise<boolean> {
    if (!first) return after === headSeq;
    if (await isStored(this.#source, streamSeqOf(after))) return true;
    const isNext = after + 1 === firstSeqOf(first.streamSeq) ||
      this.#room.nextAfter(after) === first.streamSeq;
    return isNext
      ? await isStored(this.#source, first.streamSeq)
      : await isComplete(this.#source, streamSeqOf(after));
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
