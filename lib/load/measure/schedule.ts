/** How often the users speak. */
export interface Pace {
  readonly intervalMs: number;
  /** `scaled`: user k speaks every k intervals. `fixed`: every user speaks every interval. */
  readonly every: "scaled" | "fixed";
}

/** The time between two messages of the user with this id. */
export function periodMs(id: number, { intervalMs, every }: Pace): number {
  return every === "scaled" ? id * intervalMs : intervalMs;
}

/**
 * When a user speaks next, in milliseconds after it connected: at the first whole multiple of its period that is still to
 * come. Counting from the connection, not from the last message, keeps delays from adding up; and a user that has slept
 * through several of its turns skips them instead of making up for them at once.
 */
export function nextDueMs(elapsedMs: number, period: number): number {
  return (Math.floor(elapsedMs / period) + 1) * period;
}

/** The time between two arrivals. Arrivals are planned from the first one on, so that delays do not add up. */
export function arrivalIntervalMs(
  { connectRate, staggerMs }: { readonly connectRate: number; readonly staggerMs: number },
): number {
  return connectRate > 0 ? 1000 / connectRate : staggerMs;
}

/** How many messages are due by now in an open loop: the first at once, the next each 1/rate seconds later. */
export function dueCount(elapsedMs: number, ratePerSecond: number): number {
  return elapsedMs < 0 ? 0 : Math.floor(elapsedMs * ratePerSecond / 1000) + 1;
}

/** When a message is due in an open loop, in milliseconds after the first. */
export function plannedMs(number: number, ratePerSecond: number): number {
  return number * 1000 / ratePerSecond;
}
