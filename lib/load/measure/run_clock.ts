/** How often the tick of the system's clock is awaited: one that the thread has slept through makes the epoch too early. */
const TICKS = 3;

/**
 * The time of a run, the same in every thread.
 *
 * `performance.now()` counts from when its thread began, and what a thread says about that is a millisecond off. So each
 * waits for a tick of the system's clock, which all of them share.
 */
export class RunClock {
  readonly #zeroMs: number;
  /** The time when it was last asked for: a read asks once for all the messages that it brings. */
  lastMs = 0;

  /** @param startEpochMs When the run begins. */
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
