const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** The longest duration in whole hours that a timer can wait: at most 2^31 - 1 ms. */
export const MAX_TIMER_MS = 596 * UNIT_MS.h;

/** A hundred years of 365 days, for durations that no timer waits for. */
export const MAX_AGE_MS = 876_000 * UNIT_MS.h;

/**
 * Parses a duration such as `250ms`, `2s`, `1.5m`, or `1h`. Only `0` needs no unit.
 *
 * @returns Whole milliseconds, or undefined if the text is not a duration. Less than a millisecond
 *   is rounded up to one, because 0 disables many limits.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  const [, amount, unit] = text.match(/^(\d+(?:\.\d+)?)(ms|s|m|h)$/) ?? [];
  if (amount === undefined) return undefined;
  const exactMs = Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  const ms = exactMs > 0 ? Math.max(1, Math.round(exactMs)) : 0;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Formats milliseconds in the largest unit that divides them: 2000 as `2s`, 1500 as `1500ms`. */
export function formatDurationMs(ms: number): string {
  if (ms === 0) return "0";
  for (const unit of ["h", "m", "s"] as const) {
    if (ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return `${ms}ms`;
}
