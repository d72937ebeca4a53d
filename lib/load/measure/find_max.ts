/** Between the highest rate that held and the lowest that did not there is no more than this part of it. */
const PRECISION = 0.05;

/** The highest rate that is tried. */
const MAX_RATE = 1_000_000;

/** Whether a rate holds. */
export interface RateTrial {
  readonly rate: number;
  readonly holds: boolean;
}

/**
 * Tries rates until the highest that holds is known.
 *
 * @param attempt Tries a rate; undefined ends the search.
 * @returns All trials, in the order in which they were made.
 */
export async function searchMaxRate<Trial extends RateTrial>(
  firstRate: number,
  attempt: (rate: number) => Promise<Trial | undefined>,
): Promise<readonly Trial[]> {
  const trials: Trial[] = [];
  let search: Search = { held: 0, failed: Infinity };
  for (let rate: number | undefined = firstRate; rate !== undefined;) {
    const trial = await attempt(rate);
    if (!trial) break;
    trials.push(trial);
    search = trial.holds ? { ...search, held: rate } : { ...search, failed: rate };
    rate = nextRate(search, firstRate);
  }
  return trials;
}

/** What has been found so far. */
interface Search {
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
function nextRate({ held, failed }: Search, firstRate: number): number | undefined {
  if (held === 0 && failed === Infinity) return firstRate;
  if (failed === Infinity) return held < MAX_RATE ? Math.min(MAX_RATE, 2 * held) : undefined;
  if (held === 0) return failed > 1 ? Math.floor(failed / 2) : undefined;
  const middle = Math.round((held + failed) / 2);
  return failed - held <= Math.max(1, PRECISION * held) ? undefined : middle;
}
