/** The maximum number of messages per turn of the event loop. Sockets are read in between. */
const MAX_BURST = 256;

/** Options of {@linkcode sendOnSchedule}. Times are on the clock of `nowMs`. */
export interface OpenLoopOptions {
  readonly ratePerSecond: number;
  /** When the first message is due. */
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
 * Sends messages at a fixed rate until `endMs`, regardless of the server's pace.
 *
 * A client that waited for a slow server before it sent the next message would hide how slow the
 * server is ("coordinated omission").
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

/** How many messages are due `elapsedMs` after the first. The first is due at 0. */
export function dueCount(elapsedMs: number, ratePerSecond: number): number {
  return elapsedMs < 0 ? 0 : Math.floor(elapsedMs * ratePerSecond / 1000) + 1;
}

/** When the message with this index is due, in milliseconds after the first. */
export function plannedMs(index: number, ratePerSecond: number): number {
  return index * 1000 / ratePerSecond;
}
