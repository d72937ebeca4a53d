import type { Batch } from "./history.ts";
import type { Transcript } from "./transcript.ts";

/** How much may wait to be kept, in parts of what the log keeps: before senders are held back, and before it is given up. */
const MAX_WAITING = { held: 1 / 4, lost: 4 };

/** The messages of a room that are not in its durable history yet. */
export class UnkeptMessages {
  readonly #transcript: Transcript;
  readonly #retentionBytes: number;
  #committedSeq: number;
  #keptOffset: number;
  /** How far the batch goes that is on its way. */
  #next = { number: 0, offset: 0 };
  #ids: (readonly [number, string])[] = [];
  #isFailing = false;
  #backlog: PromiseWithResolvers<void> | undefined;

  /** @param retentionBytes How much the log keeps of what is kept. */
  constructor(transcript: Transcript, retentionBytes: number) {
    this.#transcript = transcript;
    this.#retentionBytes = retentionBytes;
    this.#committedSeq = transcript.log.headSeq;
    this.#keptOffset = transcript.log.head;
    transcript.log.heldFrom = this.#keptOffset;
  }

  /** How many bytes there are of them. */
  get bytes(): number {
    return this.#transcript.log.head - this.#keptOffset;
  }

  /** Whether the log could not wait for some of them any longer. */
  get isOvertaken(): boolean {
    return this.#keptOffset < this.#transcript.log.start;
  }

  /** Up to which message all are kept. */
  get committedSeq(): number {
    return this.#committedSeq;
  }

  /** Resolves when senders may be read from again; undefined if they may now. */
  get backlog(): Promise<void> | undefined {
    return this.#backlog?.promise;
  }

  /** The id of the newest message. */
  addId(number: number, id: string): void {
    this.#ids.push([number, id]);
  }

  /** Looks how much waits. While nothing can be kept, nobody is held back for it: live chat goes on. */
  check(): void {
    if (this.#isLong && !this.#isFailing) this.#backlog ??= Promise.withResolvers();
    // Not all who send can be held back.
    if (this.bytes > MAX_WAITING.lost * this.#retentionBytes) {
      this.#transcript.log.heldFrom = Infinity;
    }
  }

  /** The oldest of them, as many as stand in one piece of memory; undefined if there are none. */
  next(): Pick<Batch, "first" | "frames" | "runs" | "ids"> | undefined {
    const { log } = this.#transcript;
    if (this.isOvertaken) {
      this.#keptOffset = log.start;
      this.#committedSeq = log.seqBefore;
    }
    if (this.#keptOffset === log.head) return undefined;
    const frames = log.read(this.#keptOffset, log.head).slice();
    const offset = this.#keptOffset + frames.length;
    const number = log.seqAt(offset);
    this.#next = { number, offset };
    const first = this.#committedSeq + 1;
    const ids = this.#ids.filter(([each]) => each >= first && each <= number);
    return { first, frames, runs: this.#transcript.runs(first, number), ids };
  }

  onCommitted(): void {
    const { number, offset } = this.#next;
    this.#isFailing = false;
    this.#committedSeq = number;
    this.#keptOffset = offset;
    this.#ids = this.#ids.filter(([each]) => each > number);
    this.#transcript.log.heldFrom = offset;
    if (!this.#isLong) this.#letGo();
  }

  onCommitFailed(): void {
    this.#isFailing = true;
    this.#transcript.log.heldFrom = Infinity;
    this.#letGo();
  }

  /** Whether so much waits that the senders are to be held back. */
  get #isLong(): boolean {
    return this.bytes > MAX_WAITING.held * this.#retentionBytes;
  }

  #letGo(): void {
    this.#backlog?.resolve();
    this.#backlog = undefined;
  }
}
