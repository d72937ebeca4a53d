/** Longer latencies are counted as this: half an hour. */
const LONGEST_US = 2 ** 31 - 1;

/** Up to twice this many microseconds a bin is one microsecond wide; from there on a thousandth of the latency. */
const STEPS = 1024;

/** Latencies and how often they came: microseconds, count, microseconds, count… */
export type LatencyCounts = Uint32Array<ArrayBuffer>;

/**
 * Counts latencies until they are taken out, a few nanoseconds each: a client counts millions a second, and a histogram of
 * HDR takes ten times as long for one. Three digits are kept, as there.
 */
export class LatencyBins {
  readonly #counts = new Uint32Array(binOf(LONGEST_US) + 1);

  /** Counts one, in microseconds. */
  record(us: number): void {
    this.#counts[binOf(us)]!++;
  }

  /** Takes out what has been counted so far. */
  take(): LatencyCounts {
    const taken: number[] = [];
    this.#counts.forEach((count, bin) => {
      if (count > 0) taken.push(leastUs(bin), count);
    });
    this.#counts.fill(0);
    return new Uint32Array(taken);
  }
}

function binOf(us: number): number {
  const whole = us < LONGEST_US ? us > 0 ? us | 0 : 0 : LONGEST_US;
  if (whole < 2 * STEPS) return whole;
  const shift = 21 - Math.clz32(whole);
  return shift * STEPS + (whole >> shift);
}

/** The least latency of a bin. */
function leastUs(bin: number): number {
  if (bin < 2 * STEPS) return bin;
  const shift = Math.floor(bin / STEPS) - 1;
  return (bin - shift * STEPS) << shift;
}
