/** The median, minimum, and maximum of some numbers. */
export interface Statistic {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Returns undefined if there are no numbers. */
export function statisticOf(values: readonly (number | undefined)[]): Statistic | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((one, other) => one - other);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}
