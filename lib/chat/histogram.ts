/**
 * Counts values in buckets. An observation costs a few additions and allocates nothing.
 *
 * ```ts
 * const seconds = new Histogram([0.001, 0.01, 0.1]);
 * seconds.observe(0.005); // counts[1] is 1
 * ```
 */
export class Histogram {
  /** The upper bounds of the buckets, inclusive and ascending. The last bucket has none. */
  readonly bounds: readonly number[];
  /** The number of values in each bucket, and last of those above all bounds. */
  readonly counts: Float64Array;
  /** The sum of all values. */
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    counts[bucket]!++;
    this.sum += value;
  }
}

/** Bounds for times from 50 microseconds to 10 seconds, in seconds. */
export const TIME_BOUNDS: readonly number[] = [
  ...[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];
