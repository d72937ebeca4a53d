/** How often users send. */
export interface Pace {
  readonly intervalMs: number;
  /** `scaled`: user k sends every k intervals. `fixed`: every user sends every interval. */
  readonly every: "scaled" | "fixed";
}

/** The time between two messages of a user, in milliseconds. */
export function periodMs(id: number, { intervalMs, every }: Pace): number {
  return every === "scaled" ? id * intervalMs : intervalMs;
}

/** How many messages per second the users 1 to `count` send together. */
export function intervalRate(count: number, pace: Pace): number {
  let rate = 0;
  for (let id = 1; id <= count; id++) rate += 1000 / periodMs(id, pace);
  return rate;
}

/**
 * When a user sends next, in milliseconds after it connected: at the next multiple of its period.
 *
 * Delays do not add up, because the time counts from the connection, not from the last message. A
 * user that was delayed by several periods skips them. It does not send several messages at once.
 */
export function nextDueMs(elapsedMs: number, periodMs: number): number {
  return (Math.floor(elapsedMs / periodMs) + 1) * periodMs;
}
