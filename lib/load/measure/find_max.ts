/**
 * The search ends when the lowest failed rate is at most this much above the highest passed rate.
 */
const PRECISION = 0.05;

/** The highest rate that is tried, in messages per second. */
const MAX_RATE = 1_000_000;

/**
 * Finds the highest rate that passes: it doubles or halves the rate until one passes and one fails,
 * and then tries the middle between the two.
 *
 * @param firstRate The rate to try first, in messages per second.
 * @param tryRate Returns whether a rate passes, or undefined to end the search.
 * @returns The highest rate that passed; 0 if none did.
 */
export async function searchMaxRate(
  firstRate: number,
  tryRate: (rate: number) => Promise<boolean | undefined>,
): Promise<number> {
  let search: Search = { passed: 0, failed: Infinity };
  for (let rate: number | undefined = firstRate; rate !== undefined; rate = nextRate(search)) {
    const isPassed = await tryRate(rate);
    if (isPassed === undefined) break;
    search = isPassed ? { ...search, passed: rate } : { ...search, failed: rate };
  }
  return search.passed;
}

interface Search {
  /** The highest rate that passed; 0 if none did. */
  readonly passed: number;
  /** The lowest rate that failed; Infinity if none did. */
  readonly failed: number;
}

/** The rate to try next; undefined ends the search. */
function nextRate({ passed, failed }: Search): number | undefined {
  if (failed === Infinity) return passed < MAX_RATE ? Math.min(MAX_RATE, 2 * passed) : undefined;
  if (passed === 0) return failed > 1 ? Math.floor(failed / 2) : undefined;
  const middle = Math.round((passed + failed) / 2);
  return failed - passed <= Math.max(1, PRECISION * passed) ? undefined : middle;
}
