/** Between the highest rate that held and the lowest that did not there is no more than this part of it. */
const PRECISION = 0.05;

/** The highest rate that is tried. */
const MAX_RATE = 1_000_000;

/** The first rate that is tried, if none is given. */
export const FIRST_RATE = 100;

/** What has been found so far. */
export interface Search {
  /** The highest rate that held; 0 if none has. */
  readonly held: number;
  /** The lowest that did not; Infinity if none has failed. */
  readonly failed: number;
}

/**
 * The rate to try next, in messages a second: twice as much while all hold, half as much while none does, then the middle.
 *
 * @returns undefined when the search is over.
 */
export function nextRate({ held, failed }: Search, firstRate: number): number | undefined {
  if (held === 0 && failed === Infinity) return firstRate;
  if (failed === Infinity) return held < MAX_RATE ? Math.min(MAX_RATE, 2 * held) : undefined;
  if (held === 0) return failed > 1 ? Math.floor(failed / 2) : undefined;
  const middle = Math.round((held + failed) / 2);
  return failed - held <= Math.max(1, PRECISION * held) ? undefined : middle;
}
