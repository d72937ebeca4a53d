import { build, type Histogram } from "hdr-histogram-js";

/** Latencies in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly "p99.9": number;
  readonly max: number;
}

/** Counts latencies in an HDR histogram: three digits are kept, from a microsecond to an hour. */
export class LatencyRecorder {
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

  /** undefined if none has been counted. */
  get summary(): LatencySummary | undefined {
    const histogram = this.#histogram;
    if (histogram.totalCount === 0) return undefined;
    const { maxValue } = histogram;
    // A percentile is the upper end of its step, which may lie above the largest value.
    const ms = (percentile: number) =>
      Math.min(maxValue, histogram.getValueAtPercentile(percentile)) / 1000;
    return {
      count: histogram.totalCount,
      p50: ms(50),
      p90: ms(90),
      p99: ms(99),
      "p99.9": ms(99.9),
      max: maxValue / 1000,
    };
  }
}
