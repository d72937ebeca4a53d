import { setImmediate } from "node:timers";

/** A timer may be as late as this; what is due sooner is waited for in turns of the event loop. */
const TIMER_SLACK_MS = 2;

/** The longest time that a timer is set for, so that a stop is heard. */
const LONGEST_MS = 1000;

/** A turn of the event loop that is shorter than this had nothing to do. */
const IDLE_TURN_MS = 0.01;

/** Waits for times that are near, more exactly than a timer does. */
export class PreciseWait {
  /** How long it has turned in the event loop with nothing to do: the CPU was busy with waiting. */
  spunMs = 0;
  #untilMs = 0;
  #lastTurnMs = 0;
  #resolve = () => {};
  /** One function for all turns: there are a million a second, and what they leave behind is to be collected. */
  readonly #turn = () => {
    const nowMs = performance.now();
    const turnMs = nowMs - this.#lastTurnMs;
    if (turnMs < IDLE_TURN_MS) this.spunMs += turnMs;
    this.#lastTurnMs = nowMs;
    if (nowMs < this.#untilMs) setImmediate(this.#turn);
    else this.#resolve();
  };

  /** Waits for this long, or less if it is long, and lets what has arrived be read meanwhile. */
  wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (ms > TIMER_SLACK_MS) {
      setTimeout(resolve, Math.min(ms - TIMER_SLACK_MS, LONGEST_MS));
    } else {
      this.#resolve = resolve;
      this.#lastTurnMs = performance.now();
      this.#untilMs = this.#lastTurnMs + ms;
      setImmediate(this.#turn);
    }
    return promise;
  }
}
