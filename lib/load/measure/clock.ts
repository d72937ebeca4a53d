import { setImmediate } from "node:timers";

/** Ticks of the system clock to read. If the thread misses a tick, the result is too early. */
const TICKS = 3;

/**
 * The time of a load run, which is the same in every thread.
 *
 * `performance.now()` counts from the start of its thread, and `performance.timeOrigin` may be a
 * millisecond off. So each thread waits for ticks of the system's clock, which all threads share.
 */
export class RunClock {
  readonly #zeroMs: number;
  /** The last `nowMs`. A read of the socket asks for the time once, for all its messages. */
  lastMs = 0;

  /** @param startEpochMs When the run begins, in milliseconds since 1970. */
  constructor(startEpochMs: number) {
    let epochOfZeroMs = -Infinity;
    for (let tick = 0; tick < TICKS; tick++) {
      epochOfZeroMs = Math.max(epochOfZeroMs, nextTickMs() - performance.now());
    }
    this.#zeroMs = startEpochMs - epochOfZeroMs;
  }

  /** Milliseconds since the run began. */
  get nowMs(): number {
    return this.lastMs = performance.now() - this.#zeroMs;
  }
}

function nextTickMs(): number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  return now;
}

/** A timer may be this late. Shorter waits are spent in turns of the event loop. */
const TIMER_SLACK_MS = 2;

/** The longest timer. The caller checks in between whether it must stop. */
const LONGEST_TIMER_MS = 1000;

/** A turn of the event loop that is shorter than this had nothing to do. */
const IDLE_TURN_MS = 0.01;

/** Waits for short times, more exactly than a timer does. */
export class PreciseWait {
  /** How long the event loop turned with nothing to do. The CPU was busy, but only with waiting. */
  spunMs = 0;
  #untilMs = 0;
  #lastTurnMs = 0;
  #resolve = () => {};
  /** One function for all turns. A closure for each would create a million objects per second. */
  readonly #turn = () => {
    const nowMs = performance.now();
    const turnMs = nowMs - this.#lastTurnMs;
    if (turnMs < IDLE_TURN_MS) this.spunMs += turnMs;
    this.#lastTurnMs = nowMs;
    if (nowMs < this.#untilMs) setImmediate(this.#turn);
    else this.#resolve();
  };

  /** Resolves after `ms` milliseconds; if `ms` is long, earlier. Sockets are read meanwhile. */
  wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (ms > TIMER_SLACK_MS) {
      setTimeout(resolve, Math.min(ms - TIMER_SLACK_MS, LONGEST_TIMER_MS));
    } else {
      this.#resolve = resolve;
      this.#lastTurnMs = performance.now();
      this.#untilMs = this.#lastTurnMs + ms;
      setImmediate(this.#turn);
    }
    return promise;
  }
}

/** How often {@linkcode EventLoopLag} measures. */
const LAG_INTERVAL_MS = 20;

/** Measures how late the event loop runs its timers. That delays every message too. */
export class EventLoopLag implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param record Takes each measured lag, in microseconds. */
  constructor(record: (us: number) => void) {
    let dueMs = performance.now() + LAG_INTERVAL_MS;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      // A stall swallows timer calls. Each of them would have been late too.
      for (let lateMs = nowMs - dueMs; lateMs > -LAG_INTERVAL_MS; lateMs -= LAG_INTERVAL_MS) {
        record(Math.max(0, lateMs) * 1000);
      }
      dueMs = nowMs + LAG_INTERVAL_MS;
    }, LAG_INTERVAL_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
