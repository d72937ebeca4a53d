import { dueCount, plannedMs } from "./schedule.ts";

/** How many messages that are due are sent in one turn of the event loop, so that what has arrived is read meanwhile. */
const MAX_BURST = 256;

/** What {@linkcode sendOnSchedule} needs. */
export interface OpenLoopOptions {
  readonly ratePerSecond: number;
  /** When the first message is due. */
  readonly startMs: number;
  /** What is due then or later is not sent. */
  readonly endMs: number;
  /** Ends the loop early. */
  readonly signal: AbortSignal;
  /** Sends a message that was due at this time. */
  readonly send: (dueMs: number) => void;
  readonly nowMs: () => number;
  /** Waits for this long or less. */
  readonly wait: (ms: number) => Promise<void>;
}

/**
 * Sends messages on a planned schedule, whatever the server does, until the end of the schedule: a client that waits for a
 * slow server before it sends the next message would hide how slow that server is ("coordinated omission").
 */
export async function sendOnSchedule(options: OpenLoopOptions): Promise<void> {
  const { ratePerSecond, startMs, endMs, signal, send, nowMs, wait } = options;
  for (let sentCount = 0; !signal.aborted;) {
    const due = dueCount(Math.min(nowMs(), endMs) - startMs, ratePerSecond);
    const until = Math.min(due, sentCount + MAX_BURST);
    for (; sentCount < until; sentCount++) {
      const dueMs = startMs + plannedMs(sentCount, ratePerSecond);
      if (dueMs < endMs) send(dueMs);
    }
    const nextMs = Math.min(endMs, startMs + plannedMs(sentCount, ratePerSecond));
    const leftMs = nextMs - nowMs();
    if (leftMs <= 0 && nextMs >= endMs) return;
    await wait(leftMs);
  }
}
