import process from "node:process";

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

/** The CPU time of all threads of this process, in milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
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
