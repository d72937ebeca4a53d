/**
 * The times, in milliseconds since 1970, from which messages are fresh: from `fromMs` to `nowMs`.
 *
 * A message from before `fromMs` is old. One from after `nowMs` is from the future: it was
 * published while the clock was ahead, so its time does not tell its age. Old enough to be hidden
 * or deleted is everything up to the newest old message that comes before the first fresh one. For
 * example, if 50 to 100 are fresh:
 *
 * ```text
 * old 10 · future 999 · old 20 │ future 999 · fresh 60 · old 30
 *      hidden or deleted       │            retained
 * ```
 *
 * So no gap arises, and a message from the future goes with the next old one, which was published
 * after it and proves that it is old too.
 */
export interface AgeRange {
  readonly fromMs: number;
  readonly nowMs: number;
}

/** The range by which every message is fresh. */
export const ANY_AGE: AgeRange = { fromMs: 0, nowMs: Infinity };

/** Judges the time of a message. */
export function ageOf(atMs: number, { fromMs, nowMs }: AgeRange): "old" | "fresh" | "future" {
  if (atMs < fromMs) return "old";
  return atMs > nowMs ? "future" : "fresh";
}
