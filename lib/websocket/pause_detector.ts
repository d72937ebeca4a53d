/** A check that comes after more intervals than this is late. */
const LATE_INTERVALS = 2;

/**
 * Tells whether the process has paused, because the machine is busy, or because of SIGSTOP. What
 * peers have sent meanwhile has not been read when the next timer runs. So deadlines must not be
 * enforced then, but one check later.
 */
export class PauseDetector {
  readonly #intervalMs: number;
  #checkedAtMs: number;
  #hasPaused = false;

  /**
   * @param intervalMs The time between two checks.
   * @param nowMs The time now, on the clock of {@linkcode hasPaused}.
   */
  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#checkedAtMs = nowMs;
  }

  /**
   * Whether the process has paused since the last check. Never true twice in a row, so that
   * deadlines are also enforced on a machine that is always busy.
   */
  hasPaused(nowMs: number): boolean {
    const isLate = nowMs - this.#checkedAtMs > LATE_INTERVALS * this.#intervalMs;
    this.#checkedAtMs = nowMs;
    return this.#hasPaused = isLate && !this.#hasPaused;
  }
}
