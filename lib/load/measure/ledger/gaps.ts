/**
 * At least this many of the latest ranges are retained. The sequence numbers of older ranges can no
 * longer be taken.
 */
const RETAINED_RANGES = 1024;

/** Missing sequence numbers, stored as ranges: a million skipped messages are one range. */
export class Gaps {
  /** From, until, from, until…, ascending. A range ends before its `until`. */
  readonly #bounds: number[] = [];

  /** Adds a range, which must lie above all others. */
  add(from: number, until: number): void {
    this.#bounds.push(from, until);
    if (this.#bounds.length > 4 * RETAINED_RANGES) this.#bounds.splice(0, 2 * RETAINED_RANGES);
  }

  /** Whether a sequence number is missing. */
  has(seq: number): boolean {
    const at = this.#rangeOf(seq);
    return at >= 0 && seq < this.#bounds[at + 1]!;
  }

  /** The ranges as pairs: from, until. A range ends before its `until`. */
  *ranges(): Generator<readonly [from: number, until: number]> {
    for (let at = 0; at < this.#bounds.length; at += 2) {
      yield [this.#bounds[at]!, this.#bounds[at + 1]!];
    }
  }

  /** Removes a sequence number. @returns Whether it was missing. */
  take(seq: number): boolean {
    if (!this.has(seq)) return false;
    const bounds = this.#bounds;
    const at = this.#rangeOf(seq);
    const rest = [bounds[at]!, seq, seq + 1, bounds[at + 1]!];
    if (rest[2] === rest[3]) rest.length = 2;
    if (rest[0] === rest[1]) rest.splice(0, 2);
    bounds.splice(at, 2, ...rest);
    return true;
  }

  /** How many sequence numbers are missing below `until`. */
  countBelow(until: number): number {
    let count = 0;
    for (let at = 0; at < this.#bounds.length; at += 2) {
      count += Math.max(0, Math.min(until, this.#bounds[at + 1]!) - this.#bounds[at]!);
    }
    return count;
  }

  /** The index of the last range that begins at `seq` or below; negative if there is none. */
  #rangeOf(seq: number): number {
    let [low, high] = [0, this.#bounds.length / 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#bounds[2 * middle]! <= seq) low = middle + 1;
      else high = middle;
    }
    return 2 * (low - 1);
  }
}
