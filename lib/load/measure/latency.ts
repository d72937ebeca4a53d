import { build, type Histogram } from "hdr-histogram-js";
import type { LatencyCounts } from "./latency_bins.ts";

/** Latencies in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly "p99.9": number;
  readonly max: number;
}

/** An HDR histogram of latencies: three digits are kept, from a microsecond to an hour. */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
  });

  /** Counts one, in microseconds. */
  record(us: number): void {
    this.#histogram.recordValue(Math.min(3_600_000_000, Math.max(0, Math.round(us))));
  }

  /** Counts what has been counted in bins. */
  add(counts: LatencyCounts): void {
    for (let at = 0; at < counts.length; at += 2) {
      this.#histogram.recordValueWithCount(counts[at]!, counts[at + 1]!);
    }
  }

  /** The latency in milliseconds that this part of them, in percent, does not exceed. */
  percentileMs(percent: number): number {
    const { maxValue } = this.#histogram;
    // A percentile is the upper end of its step, which may lie above the largest value.
    return Math.min(maxValue, this.#histogram.getValueAtPercentile(percent)) / 1000;
  }

  /** undefined if none has been counted. */
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

  /** The distribution as HdrHistogram's own tools read and plot it, in milliseconds. */
  get distributionText(): string {
    return this.#histogram.outputPercentileDistribution(5, 1000);
  }
}
