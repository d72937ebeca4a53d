import { Int32Histogram } from "hdr-histogram-js";
import type { LatencyCounts } from "./latency_bins.ts";

/** How many latencies were counted, and their percentiles and maximum in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly "p99.9": number;
  readonly max: number;
}

/** The longest latency that can be counted: an hour, in microseconds. */
export const LONGEST_US = 3_600_000_000;

/** A latency in microseconds, and how often it was counted. */
export type LatencyPair = readonly [us: number, count: number];

/** An HDR histogram of latencies from a microsecond to an hour, with three significant digits. */
export class LatencyHistogram {
  readonly #histogram = new Int32Histogram(1, LONGEST_US, 3);

  /**
   * Returns a histogram with the contents of another one.
   *
   * @param pairs The other's {@linkcode pairs}.
   */
  static fromPairs(pairs: Iterable<LatencyPair>): LatencyHistogram {
    const histogram = new LatencyHistogram();
    for (const [us, count] of pairs) histogram.#histogram.recordValueWithCount(us, count);
    return histogram;
  }

  /** The contents: the lowest latency of each bucket that is not empty, and its count. */
  get pairs(): readonly LatencyPair[] {
    const pairs: LatencyPair[] = [];
    const iterator = this.#histogram.recordedValuesIterator;
    iterator.reset();
    while (iterator.hasNext()) {
      const { valueIteratedTo, countAtValueIteratedTo } = iterator.next();
      pairs.push([this.#histogram.lowestEquivalentValue(valueIteratedTo), countAtValueIteratedTo]);
    }
    return pairs;
  }

  /** Counts a latency, in microseconds. */
  record(us: number): void {
    this.#histogram.recordValue(Math.min(LONGEST_US, Math.max(0, Math.round(us))));
  }

  /** Adds latencies that were counted in bins. */
  add(counts: LatencyCounts): void {
    for (let at = 0; at < counts.length; at += 2) {
      this.#histogram.recordValueWithCount(counts[at]!, counts[at + 1]!);
    }
  }

  /** The latency, in milliseconds, that `percent` percent of all latencies do not exceed. */
  percentileMs(percent: number): number {
    const { maxValue } = this.#histogram;
    // A percentile is the upper end of its bucket, which may be above the largest value.
    return Math.min(maxValue, this.#histogram.getValueAtPercentile(percent)) / 1000;
  }

  /** undefined if no latency was counted. */
  get summary(): LatencySummary | undefined {
    const { totalCount, maxValue } = this.#histogram;
    if (totalCount === 0) return undefined;
    return {
      count: totalCount,
      p50: this.percentileMs(50),
      p90: this.percentileMs(90),
      p99: this.percentileMs(99),
      "p99.9": this.percentileMs(99.9),
      max: maxValue / 1000,
    };
  }

  /** The distribution in the text format of HdrHistogram's tools, in milliseconds. */
  get distributionText(): string {
    return this.#histogram.outputPercentileDistribution(5, 1000);
  }
}
