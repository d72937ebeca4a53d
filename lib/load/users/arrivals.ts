import type { ClientConfig } from "../config.ts";
import { delay } from "../delay.ts";
import { arrivalIntervalMs } from "../measure/schedule.ts";

/** Lets the users arrive, from 1 on, on their schedule. Resolves when the last has, or the signal aborts. */
export async function letArrive(
  config: ClientConfig,
  signal: AbortSignal,
  arrive: (id: number) => void,
): Promise<void> {
  const startMs = performance.now();
  for (let id = 1; id <= config.count && !signal.aborted; id++) {
    arrive(id);
    if (id === config.count) return;
    await delay(startMs + id * arrivalIntervalMs(config) - performance.now(), signal);
  }
}
