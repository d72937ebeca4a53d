import type { Pacer } from "./pacer.ts";

/** The maximum number of messages per turn of the event loop. Sockets are read in between. */
const MAX_BURST = 256;

/** Options of {@linkcode sendOnSchedule}. Times are on the clock of `nowMs`. */
export interface OpenLoopOptions {
  readonly pacer: Pacer;
  /** The time from which the pacer counts. */
  readonly startMs: number;
  /** Messages that are due at this time or later are not sent. */
  readonly endMs: number;
  /** Aborting it ends the loop. */
  readonly signal: AbortSignal;
  /** Sends the message that was due at `dueMs`. */
  readonly send: (dueMs: number) => void;
  readonly nowMs: () => number;
  /** Waits for `ms` milliseconds or less. */
  readonly wait: (ms: number) => Promise<void>;
}

/**
 * Sends messages when they are due until `endMs`, regardless of the server's pace.
 *
 * A client that waited for a slow server before it sent the next message would hide how slow the
 * server is ("coordinated omission").
 */
export async function sendOnSchedule(options: OpenLoopOptions): Promise<void> {
  const { pacer, startMs, endMs, signal, send, nowMs, wait } = options;
  let sentCount = 0;
  let dueMs = startMs + pacer.dueMs(0);
  while (!signal.aborted) {
    const now = nowMs();
    for (let burst = 0; burst < MAX_BURST && dueMs <= now && dueMs < endMs; burst++) {
      send(dueMs);
      dueMs = startMs + pacer.dueMs(++sentCount);
    }
    const nextMs = Math.min(endMs, dueMs);
    const leftMs = nextMs - nowMs();
    if (leftMs <= 0 && nextMs >= endMs) return;
    await wait(leftMs);
  }
}
