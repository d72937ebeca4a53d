import { parseDurationMs } from "../../cli/flags/duration.ts";

/** When a storm comes, and whom it cuts off. */
export interface StormPlan {
  /** How many of `count` users are cut off. */
  readonly countOf: (count: number) => number;
  /** When they are cut off, after the beginning of the steady phase. */
  readonly atMs: number;
}

/** What {@linkcode chooseStormUsers} must know of a user. */
interface StormCandidate {
  readonly id: number;
  readonly isSlow: boolean;
  readonly via: "websocket" | "events";
}

/** Parses `--storm`, such as `50%@10s` or `200@10s`. @returns undefined if it is invalid. */
export function parseStorm(text: string): StormPlan | undefined {
  const [, amount, percent, time = ""] = text.match(/^(\d{1,6})(%?)@(.+)$/) ?? [];
  const atMs = parseDurationMs(time);
  const value = Number(amount);
  if (amount === undefined || atMs === undefined || value === 0) return undefined;
  if (percent === "") return { countOf: (count) => Math.min(value, count), atMs };
  return value <= 100 ? { countOf: (count) => Math.ceil(count * value / 100), atMs } : undefined;
}

/**
 * Chooses the users that a storm cuts off: those with a WebSocket that are not slow.
 *
 * @param random A source of numbers from 0 up to, not including, 1.
 * @returns Their ids.
 */
export function chooseStormUsers(
  users: readonly StormCandidate[],
  { countOf }: StormPlan,
  random: () => number,
): readonly number[] {
  const ids = users.filter(({ isSlow, via }) => !isSlow && via === "websocket").map(({ id }) => id);
  const count = countOf(ids.length);
  // The first steps of a shuffle (Fisher and Yates).
  for (let at = 0; at < count; at++) {
    const other = at + Math.floor(random() * (ids.length - at));
    [ids[at], ids[other]] = [ids[other]!, ids[at]!];
  }
  return ids.slice(0, count);
}
