import type { Histogram } from "../../lib/chat/histogram.ts";

/** Returns the number of values that a histogram has counted. */
export function countOf({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
