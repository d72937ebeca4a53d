import { setImmediate } from "node:timers";

/** A timer may be as late as this; what is due sooner is waited for in turns of the event loop. */
const TIMER_SLACK_MS = 2;

/** The longest time that a timer is set for, so that a stop is heard. */
const LONGEST_MS = 1000;

/** A turn of the event loop that is shorter than this had nothing to do. */
const IDLE_TURN_MS = 0.005;

/** Waits for times that are near, more exactly than a timer does. */
export class PreciseWait {
  /** How long it has turned in the event loop with nothing to do: the CPU was busy with waiting. */
  spunMs = 0;

  /** Waits for this long or less, and lets what has arrived be read meanwhile. */
  async wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (ms > TIMER_SLACK_MS) {
      setTimeout(resolve, Math.min(ms - TIMER_SLACK_MS, LONGEST_MS));
      return promise;
    }
    const startMs = performance.now();
    setImmediate(resolve);
    await promise;
    const turnMs = performance.now() - startMs;
    if (turnMs < IDLE_TURN_MS) this.spunMs += turnMs;
  }
}
