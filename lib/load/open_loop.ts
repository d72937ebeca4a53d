import { setImmediate } from "node:timers";
import { dueCount, plannedMs } from "./schedule.ts";

/** A timer may be as late as this; what is due sooner is waited for in turns of the event loop. */
const TIMER_SLACK_MS = 2;

/** How many messages that are due are sent in one turn of the event loop, so that what has arrived is read meanwhile. */
const MAX_BURST = 256;

/** What {@linkcode sendOnSchedule} needs. */
export interface OpenLoopOptions {
  readonly ratePerSecond: number;
  /** When the first message is due, on the clock of `performance.now()`. */
  readonly startMs: number;
  /** What is due then or later is not sent. */
  readonly endMs: number;
  /** Ends the loop early. */
  readonly signal: AbortSignal;
  /** Sends a message that was due at this time. */
  readonly send: (dueMs: number) => void;
}

/**
 * Sends messages on a planned schedule, whatever the server does, until the end of the schedule: a client that waits for a
 * slow server before it sends the next message would hide how slow that server is ("coordinated omission").
 */
export async function sendOnSchedule(options: OpenLoopOptions): Promise<void> {
  const { ratePerSecond, startMs, endMs, signal, send } = options;
  for (let sentCount = 0; !signal.aborted;) {
    const nowMs = performance.now();
    const due = dueCount(Math.min(nowMs, endMs) - startMs, ratePerSecond);
    const until = Math.min(due, sentCount + MAX_BURST);
    for (; sentCount < until; sentCount++) {
      const dueMs = startMs + plannedMs(sentCount, ratePerSecond);
      if (dueMs < endMs) send(dueMs);
    }
    const nextMs = Math.min(endMs, startMs + plannedMs(sentCount, ratePerSecond));
    if (performance.now() >= endMs && nextMs >= endMs) return;
    await untilNear(nextMs - performance.now(), signal);
  }
}

/** Waits for a time that is no longer than it was told, and lets what has arrived be read meanwhile. */
function untilNear(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (ms <= TIMER_SLACK_MS) {
    setImmediate(resolve);
    return promise;
  }
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    resolve();
  };
  const timer = setTimeout(end, Math.min(ms - TIMER_SLACK_MS, 1000));
  signal.addEventListener("abort", end);
  return promise;
}
