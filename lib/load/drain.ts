import { delay } from "./delay.ts";
import type { LoadWorker, WorkerSample } from "./users/worker.ts";

/**
 * How long to wait for what the client cannot observe, such as the server adding the last user to
 * the room.
 */
export const QUIET_MS = 100;

/** Options of {@linkcode drain}. */
export interface DrainOptions {
  readonly workers: readonly LoadWorker[];
  readonly sample: () => Promise<readonly WorkerSample[]>;
  /** Ends the wait if nothing has arrived for this long. */
  readonly timeoutMs: number;
  /** Ends the wait in any case. */
  readonly longestMs: number;
  /** Aborting it ends the wait. */
  readonly stop: AbortSignal;
}

/** Waits until all messages under way have arrived, or nothing arrives any more. */
export async function drain(options: DrainOptions): Promise<void> {
  const { workers, sample, timeoutMs, longestMs, stop } = options;
  const startMs = performance.now();
  let lastMs = startMs;
  for (let own = -1; !stop.aborted && performance.now() - startMs <= longestMs;) {
    const samples = await sample();
    if (samples.every(({ connections }) => connections === 0)) return;
    const now = samples.reduce((sum, sample) => sum + sample.own, 0);
    if (now !== own) {
      own = now;
      lastMs = performance.now();
    } else {
      const outstanding = await Promise.all(workers.map((worker) => worker.outstanding()));
      const isComplete = outstanding.every((count) => count === 0);
      if (performance.now() - lastMs >= (isComplete ? QUIET_MS : timeoutMs)) return;
    }
    await delay(QUIET_MS / 2, stop);
  }
}
