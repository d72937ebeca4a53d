const FIRST_MS = 500;

/** The longest that a lost connection waits. */
export const LONGEST_BACKOFF_MS = 10_000;

/**
 * How long to wait before a lost connection is tried again: twice as long each time, from half a second to ten, less a
 * random part of up to half. Without the random part, a thousand users that lost one server would all come back to it in
 * the same millisecond.
 *
 * @param attempt How many attempts have been made since the connection last held.
 * @param random From 0 up to, not including, 1.
 */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_BACKOFF_MS, FIRST_MS * 2 ** attempt);
  return full * (1 - random / 2);
}
