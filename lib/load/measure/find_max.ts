/** The search ends when the lowest failed rate is this close to the highest passed rate. */
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
  let [passed, failed] = [0, Infinity];
  for (let rate: number | undefined = firstRate; rate !== undefined;) {
    const isPassed = await tryRate(rate);
    if (isPassed === undefined) break;
    if (isPassed) passed = rate;
    else failed = rate;
    rate = nextRate(passed, failed);
  }
  return passed;
}

/** The rate to try between the highest passed and lowest failed rate; undefined at the end. */
function nextRate(passed: number, failed: number): number | undefined {
  if (failed === Infinity) return passed < MAX_RATE ? Math.min(MAX_RATE, 2 * passed) : undefined;
  if (passed === 0) return failed > 1 ? Math.floor(failed / 2) : undefined;
  const middle = Math.round((passed + failed) / 2);
  return failed - passed <= Math.max(1, PRECISION * passed) ? undefined : middle;
}
