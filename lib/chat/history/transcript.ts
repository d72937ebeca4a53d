import type { MessageOpcode } from "../../websocket/frame.ts";
import { toBody } from "../log/frames.ts";
import { MessageLog, type MessageLogOptions } from "../log/message_log.ts";
import type { Author, Message } from "../message.ts";
import { ageOf, type AgeRange } from "./age_range.ts";
import type { AuthorSpan } from "./history.ts";

/**
 * The messages of a room in memory: a {@linkcode MessageLog}, and the author and time of each
 * message.
 */
export class Transcript {
  /** The messages as plain text members get them. */
  readonly log: MessageLog;
  /** The author spans, as three columns of one table. */
  #firstSeqs: number[] = [];
  #authors: Author[] = [];
  #timesMs: number[] = [];

  constructor(options: MessageLogOptions) {
    const onDropped = () => {
      this.#trim();
      options.onDropped?.();
    };
    this.log = new MessageLog({ ...options, onDropped });
  }

  /**
   * Appends `bytes[start, end)` as a message. Returns the offset of its frame in the log.
   *
   * @param seq Its sequence number, by default the next one. It must be greater than the last one.
   */
  append(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    author: Author,
    atMs: number,
    seq: number = this.log.headSeq + 1,
  ): number {
    const offset = this.log.append(opcode, bytes, start, end, seq);
    const last = this.#authors.length - 1;
    if (last < 0 || this.#authors[last] !== author || this.#timesMs[last] !== atMs) {
      this.#firstSeqs.push(seq);
      this.#authors.push(author);
      this.#timesMs.push(atMs);
    }
    return offset;
  }

  /**
   * The messages after a sequence number, in order: at most `limit`, and no more once their bodies
   * have `maxLength` characters together. The log must retain all of them.
   */
  read(after: number, limit: number, maxLength: number): Message[] {
    const messages: Message[] = [];
    let span = this.#spanOf(after + 1);
    let length = 0;
    this.log.eachAfter(after, (seq, opcode, payload) => {
      if (messages.length === limit || length >= maxLength) return false;
      while (this.#firstSeqs[span + 1]! <= seq) span++;
      const body = toBody(opcode, payload);
      messages.push({ seq, author: this.#authors[span]!, atMs: this.#timesMs[span]!, body });
      length += body.length;
      return true;
    });
    return messages;
  }

  /**
   * The newest messages after a sequence number and up to another, in order: at most `limit`. The
   * log must retain all of them.
   */
  readBefore(upTo: number, limit: number, after: number): Message[] {
    const seqs = [after];
    this.log.eachAfter(after, (seq) => seq <= upTo && seqs.push(seq) > 0);
    const count = Math.min(limit, seqs.length - 1);
    return this.read(seqs[seqs.length - 1 - count]!, count, Infinity);
  }

  /** The author spans of the messages from `first` to `last`. The log must retain all of them. */
  authorSpans(first: number, last: number): AuthorSpan[] {
    const spans: AuthorSpan[] = [];
    for (let span = this.#spanOf(first); this.#firstSeqs[span]! <= last; span++) {
      spans.push({
        firstSeq: Math.max(first, this.#firstSeqs[span]!),
        author: this.#authors[span]!,
        atMs: this.#timesMs[span]!,
      });
    }
    return spans;
  }

  /**
   * The sequence number of the newest old message in memory that comes before the first fresh one;
   * 0 if none does. See {@linkcode AgeRange}.
   */
  lastOldSeq(range: AgeRange): number {
    let lastOldSeq = 0;
    const firstSpan = Math.max(0, this.#spanOf(this.log.seqBefore + 1));
    for (let span = firstSpan; span < this.#timesMs.length; span++) {
      const age = ageOf(this.#timesMs[span]!, range);
      if (age === "fresh") break;
      if (age === "old") lastOldSeq = (this.#firstSeqs[span + 1] ?? this.log.headSeq + 1) - 1;
    }
    return lastOldSeq;
  }

  /** The index of the span that a message belongs to. */
  #spanOf(seq: number): number {
    let [low, high] = [0, this.#firstSeqs.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firstSeqs[middle]! <= seq) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /**
   * Removes the spans of messages that the log has dropped, once they are half of all spans: to
   * remove them costs as much as there are left.
   */
  #trim(): void {
    const droppedCount = Math.max(0, this.#spanOf(this.log.seqBefore + 1));
    if (droppedCount < this.#authors.length / 2) return;
    for (const column of [this.#firstSeqs, this.#authors, this.#timesMs]) {
      column.splice(0, droppedCount);
    }
  }
}
