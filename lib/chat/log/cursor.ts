import type { MessageLog } from "./message_log.ts";

/**
 * How far one reader has been served from a {@linkcode MessageLog}.
 *
 * A reader is not served the messages that it published itself. Their ranges wait in the cursor
 * until the cursor passes them.
 */
export class Cursor {
  readonly #log: MessageLog;
  #offset: number;
  /**
   * Alternating starts and ends of the reader's own ranges, ascending; those before `#nextOwn` are
   * passed.
   */
  #own: number[] = [];
  #nextOwn = 0;

  constructor(log: MessageLog, offset: number = log.head) {
    this.#log = log;
    this.#offset = offset;
  }

  /** The offset in the log up to which the reader has been served. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether the log has frames that the reader has not been served. */
  get isBehind(): boolean {
    this.#passOwn();
    return this.#offset < this.#log.head;
  }

  /** Whether the log has dropped frames that the reader has not been served. */
  get isLost(): boolean {
    this.#passOwn();
    return this.#offset < this.#log.start;
  }

  /** Skips a range that was just appended, so that the reader is not served it. */
  skip(start: number, end: number): void {
    if (start === this.#own.at(-1)) this.#own[this.#own.length - 1] = end;
    else this.#own.push(start, end);
    this.#passOwn();
  }

  /**
   * Returns the next frames and moves past them: all frames up to the head, the next own range, or
   * the end of the chunk, whichever comes first; undefined if there are none.
   *
   * @throws {RangeError} If the cursor is lost.
   */
  take(): Uint8Array | undefined {
    if (!this.isBehind) return undefined;
    const frames = this.#log.read(this.#offset, this.#own[this.#nextOwn] ?? this.#log.head);
    this.#offset += frames.length;
    return frames;
  }

  /** Moves a lost cursor to the oldest frame in the log. */
  skipToOldest(): void {
    this.#offset = Math.max(this.#offset, this.#log.start);
    this.#passOwn();
  }

  #passOwn(): void {
    while (this.#nextOwn < this.#own.length && this.#own[this.#nextOwn]! <= this.#offset) {
      this.#offset = Math.max(this.#offset, this.#own[this.#nextOwn + 1]!);
      this.#nextOwn += 2;
    }
    // Removing the passed ranges costs as much as there are left, so it waits until most are
    // passed.
    if (this.#nextOwn > this.#own.length / 2) {
      this.#own.splice(0, this.#nextOwn);
      this.#nextOwn = 0;
    }
  }
}
