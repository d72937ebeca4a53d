/** More ranges than this are not remembered: the oldest numbers are missing for good. */
const MAX_RANGES = 1024;

/** Whole numbers that are missing, kept as ranges: a receiver that skips a million messages has one gap. */
export class Gaps {
  /** From, until, from, until…, ascending; a range ends before its `until`. */
  readonly #bounds: number[] = [];

  /** Adds a range behind all others. */
  add(from: number, until: number): void {
    this.#bounds.push(from, until);
    if (this.#bounds.length > 4 * MAX_RANGES) this.#bounds.splice(0, 2 * MAX_RANGES);
  }

  /** Takes a number out. @returns Whether it was in. */
  take(number: number): boolean {
    const bounds = this.#bounds;
    const at = this.#rangeFrom(number);
    if (at < 0 || bounds[at + 1]! <= number) return false;
    const rest = [bounds[at]!, number, number + 1, bounds[at + 1]!];
    if (rest[2] === rest[3]) rest.length = 2;
    if (rest[0] === rest[1]) rest.splice(0, 2);
    bounds.splice(at, 2, ...rest);
    return true;
  }

  /** Where the last range begins that does not begin behind a number; -1 if all do. */
  #rangeFrom(number: number): number {
    let [low, high] = [0, this.#bounds.length / 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#bounds[2 * middle]! <= number) low = middle + 1;
      else high = middle;
    }
    return 2 * (low - 1);
  }
}
