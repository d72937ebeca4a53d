import { Histogram, TIME_BOUNDS } from "../../chat/histogram.ts";

/** How often the lag is measured. */
const INTERVAL_MS = 100;

/** The clock and the timer of a {@linkcode LoopLag}; those of the system by default. */
export interface LoopLagOptions {
  /** Reads a clock that never jumps, in milliseconds since any time. */
  readonly monotonicMs?: () => number;
  /** Runs a function every `ms`. Returns a function that stops it. */
  readonly startInterval?: (run: () => void, ms: number) => () => void;
}

/**
 * Measures how late the event loop runs a timer. Deno's `monitorEventLoopDelay()` cannot be used:
 * in Deno 2.9.6 it reports neither the delay nor its unit correctly.
 */
export class LoopLag implements Disposable {
  /** How late the timer ran, in seconds. */
  readonly seconds = new Histogram(TIME_BOUNDS);
  readonly #monotonicMs: () => number;
  readonly #startInterval: (run: () => void, ms: number) => () => void;
  #stopTimer: (() => void) | undefined;

  constructor(options: LoopLagOptions = {}) {
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#startInterval = options.startInterval ?? startSystemInterval;
  }

  /** Measures until it is disposed. */
  start(): void {
    let dueAtMs = this.#monotonicMs() + INTERVAL_MS;
    this.#stopTimer = this.#startInterval(() => {
      const nowMs = this.#monotonicMs();
      this.seconds.observe(Math.max(0, nowMs - dueAtMs) / 1000);
      dueAtMs = nowMs + INTERVAL_MS;
    }, INTERVAL_MS);
  }

  [Symbol.dispose](): void {
    this.#stopTimer?.();
  }
}

function startSystemInterval(run: () => void, ms: number): () => void {
  const timer = setInterval(run, ms);
  return () => clearInterval(timer);
}
