import type { ClientConfig } from "../../config.ts";
import { delay } from "../../delay.ts";

/** How many users connect, and how fast. */
type ConnectPace = Pick<ClientConfig, "count" | "connectRate" | "staggerMs">;

/**
 * Connects the users 1 to `count` on schedule. Delays do not add up, because the schedule counts
 * from the first user.
 *
 * @returns Resolves after the last call of `connect`, or when the signal aborts.
 */
export async function connectOnSchedule(
  pace: ConnectPace,
  signal: AbortSignal,
  connect: (id: number) => void,
): Promise<void> {
  const startMs = performance.now();
  for (let id = 1; id <= pace.count && !signal.aborted; id++) {
    connect(id);
    if (id === pace.count) return;
    await delay(startMs + id * connectIntervalMs(pace) - performance.now(), signal);
  }
}

/** The time between two users that connect, in milliseconds. */
export function connectIntervalMs(
  { connectRate, staggerMs }: Omit<ConnectPace, "count">,
): number {
  return connectRate > 0 ? 1000 / connectRate : staggerMs;
}

const FIRST_BACKOFF_MS = 500;

/** The longest backoff. */
export const LONGEST_BACKOFF_MS = 10_000;

/**
 * How long to wait before a lost connection is opened again: half a second, doubled with each
 * attempt up to ten seconds, minus a random part of up to half.
 *
 * Without the random part, all users of a restarted server would reconnect in the same millisecond.
 *
 * @param attempt How many attempts were made since the connection was last stable.
 * @param random From 0 up to, not including, 1.
 */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt);
  return full * (1 - random / 2);
}
