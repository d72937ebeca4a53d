import type { MessageLog } from "./message_log.ts";

/**
 * How far one reader has been served from a {@linkcode MessageLog}.
 *
 * A reader is not served the messages that it published itself. Their ranges wait in the cursor
 * until the cursor passes them.
 */
export class Cursor {
  /**
   * How the broadcast is serving the reader. Only the broadcast changes it.
   *
   * ```text
   * idle ──a sweep serves it──▶ awaited ──its delivery ends──▶ idle
   *                                └─it outlives its sweep──▶ alone ──its deliveries end──▶ idle
   * any phase ──it is removed──▶ gone
   * ```
   */
  phase: "idle" | "awaited" | "alone" | "gone" = "idle";
  readonly #log: MessageLog;
  #offset: number;
  /** The next own range; -1 if there is none. Nearly every cursor has at most one. */
  #ownStart = -1;
  #ownEnd = -1;
  /**
   * The own ranges after that: alternating starts and ends, ascending. Those before `#nextOwn` are
   * passed.
   */
  #laterOwn: number[] | undefined;
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
    const later = this.#laterOwn;
    if (later) {
      if (start === later.at(-1)) later[later.length - 1] = end;
      else later.push(start, end);
    } else if (this.#ownStart < 0) {
      this.#ownStart = start;
      this.#ownEnd = end;
    } else if (start === this.#ownEnd) this.#ownEnd = end;
    else this.#laterOwn = [start, end];
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
    const end = this.#ownStart < 0 ? this.#log.head : this.#ownStart;
    const frames = this.#log.read(this.#offset, end);
    this.#offset += frames.length;
    return frames;
  }

  /** Moves a lost cursor to the oldest frame in the log. */
  skipToOldest(): void {
    this.#offset = Math.max(this.#offset, this.#log.start);
    this.#passOwn();
  }

  #passOwn(): void {
    while (this.#ownStart >= 0 && this.#ownStart <= this.#offset) {
      this.#offset = Math.max(this.#offset, this.#ownEnd);
      this.#takeNextOwn();
    }
  }

  #takeNextOwn(): void {
    const later = this.#laterOwn;
    this.#ownStart = later?.[this.#nextOwn] ?? -1;
    if (!later) return;
    this.#ownEnd = later[this.#nextOwn + 1]!;
    this.#nextOwn += 2;
    if (this.#nextOwn === later.length) this.#laterOwn = undefined;
    // Removing the passed ranges costs as much as there are left, so it waits until most are
    // passed.
    else if (this.#nextOwn > later.length / 2) later.splice(0, this.#nextOwn);
    else return;
    this.#nextOwn = 0;
  }
}
