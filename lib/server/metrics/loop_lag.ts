import { Histogram, TIME_BOUNDS } from "../../chat/histogram.ts";

/** How often the lag is measured. */
const INTERVAL_MS = 100;

/**
 * Measures how late the event loop runs a timer. Deno's `monitorEventLoopDelay()` cannot be used:
 * in Deno 2.9.6 it reports neither the delay nor its unit correctly.
 */
export class LoopLag implements Disposable {
  /** How late the timer ran, in seconds. */
  readonly seconds = new Histogram(TIME_BOUNDS);
  #dueAtMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Measures until it is disposed. */
  start(): void {
    this.expect(performance.now());
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.observe(nowMs);
      this.expect(nowMs);
    }, INTERVAL_MS);
  }

  /** Expects the timer to run in 100 ms. */
  expect(nowMs: number): void {
    this.#dueAtMs = nowMs + INTERVAL_MS;
  }

  /** Counts how late the timer has run. */
  observe(nowMs: number): void {
    this.seconds.observe(Math.max(0, nowMs - this.#dueAtMs) / 1000);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
