import { eachFrame, type MessageOpcode } from "../../websocket/frame.ts";
import { toBody } from "../log/frames.ts";
import type { Run } from "./history.ts";
import type { Author, Message } from "../message.ts";
import { MessageLog, type MessageLogOptions } from "../log/message_log.ts";

/**
 * What has been said in a room, as far as memory holds it: the messages in a {@linkcode MessageLog}, and beside it who said
 * them and when. Messages one behind the other by the same author at the same time share that.
 */
export class Transcript {
  /** The messages, as plain text members get them. */
  readonly log: MessageLog;
  /** Three columns of one table: from this message on, this author spoke, at this time. */
  #firstNumbers: number[] = [];
  #authors: Author[] = [];
  #timesMs: number[] = [];

  constructor(options: MessageLogOptions) {
    this.log = new MessageLog(options);
  }

  /** Appends a message, `bytes` from `start` to `end`. Returns the offset of its frame in the log. */
  append(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    author: Author,
    atMs: number,
  ): number {
    const offset = this.log.append(opcode, bytes, start, end);
    const last = this.#authors.length - 1;
    if (last < 0 || this.#authors[last] !== author || this.#timesMs[last] !== atMs) {
      this.#firstNumbers.push(this.log.headSeq);
      this.#authors.push(author);
      this.#timesMs.push(atMs);
      // Most of the table may be about messages that the log has dropped.
      if (this.#authors.length % 1024 === 0) this.#trim();
    }
    return offset;
  }

  /** The messages behind this number, which must be kept, in order: `limit` of them, or all, or fewer once they are `maxLength` long. */
  read(after: number, limit: number, maxLength: number): Message[] {
    const { log } = this;
    const messages: Message[] = [];
    let run = this.#runOf(after + 1);
    let length = 0;
    const isFull = () => messages.length === limit || length >= maxLength;
    for (let offset = log.offsetAfter(after); offset < log.head && !isFull();) {
      const frames = log.read(offset, log.head);
      offset += frames.length;
      for (const { opcode, payload } of eachFrame(frames)) {
        if (isFull()) break;
        const number = after + messages.length + 1;
        if (this.#firstNumbers[run + 1]! <= number) run++;
        const body = toBody(opcode, payload);
        messages.push({ number, author: this.#authors[run]!, atMs: this.#timesMs[run]!, body });
        length += body.length;
      }
    }
    return messages;
  }

  /** From which message on who spoke, for these messages, which must be kept. */
  runs(first: number, last: number): Run[] {
    const runs: Run[] = [];
    for (let line = this.#runOf(first); this.#firstNumbers[line]! <= last; line++) {
      runs.push({
        first: Math.max(first, this.#firstNumbers[line]!),
        author: this.#authors[line]!,
        atMs: this.#timesMs[line]!,
      });
    }
    return runs;
  }

  /** The number of the last message in memory that is older than a time; 0 if none is. */
  lastBefore(timeMs: number): number {
    const line = this.#timesMs.findIndex((atMs) => atMs >= timeMs);
    if (line === 0 || this.#timesMs.length === 0) return 0;
    return line < 0 ? this.log.headSeq : this.#firstNumbers[line]! - 1;
  }

  /** Which line of the table a message belongs to. */
  #runOf(number: number): number {
    let [low, high] = [0, this.#firstNumbers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firstNumbers[middle]! <= number) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #trim(): void {
    const gone = this.#runOf(this.log.seqBefore + 1);
    if (gone < this.#authors.length / 2) return;
    for (const column of [this.#firstNumbers, this.#authors, this.#timesMs]) column.splice(0, gone);
  }
}
