/** The longest time that a timer takes. A longer one would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Resolves after `ms` milliseconds, or as soon as the signal aborts. It takes any time, `Infinity`
 * included.
 *
 * `delay()` of @std/async rejects when its signal aborts, and cuts fractions of a millisecond off.
 * This one never rejects, as all callers go on after an abort, and never resolves early, as they
 * send messages by it.
 */
export async function delay(ms: number, signal: AbortSignal): Promise<void> {
  const untilMs = performance.now() + ms;
  for (let leftMs = ms; leftMs > 0 && !signal.aborted; leftMs = untilMs - performance.now()) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(leftMs, LONGEST_TIMER_MS));
    const end = () => resolve();
    signal.addEventListener("abort", end, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
