/** Whole numbers that are missing, kept as ranges: a receiver that skips a million messages has one gap. */
export class Gaps {
  /** From, until, from, until…, ascending; a range ends before its `until`. */
  readonly #bounds: number[] = [];

  /** Adds a range behind all others. */
  add(from: number, until: number): void {
    this.#bounds.push(from, until);
  }

  /** Takes a number out. @returns Whether it was in. */
  take(number: number): boolean {
    const bounds = this.#bounds;
    // What comes late is mostly not very late.
    let at = bounds.length - 2;
    while (at >= 0 && bounds[at]! > number) at -= 2;
    if (at < 0 || bounds[at + 1]! <= number) return false;
    const rest = [bounds[at]!, number, number + 1, bounds[at + 1]!];
    if (rest[2] === rest[3]) rest.length = 2;
    if (rest[0] === rest[1]) rest.splice(0, 2);
    bounds.splice(at, 2, ...rest);
    return true;
  }
}
