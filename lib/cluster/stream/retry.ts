/** How long to try. */
const TIMEOUT_MS = 10_000;

/** The pause between two attempts. */
const PAUSE_MS = 250;

/**
 * Tries something until it succeeds, for at most ten seconds.
 *
 * @param isCancelled Whether to try no more.
 * @throws The error of the last attempt.
 */
export async function retry<T>(
  act: () => T | Promise<T>,
  isCancelled: () => boolean,
): Promise<T> {
  const endMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (isCancelled() || performance.now() + PAUSE_MS > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
