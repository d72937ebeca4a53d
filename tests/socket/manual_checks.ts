/**
 * Takes over the intervals of a server that starts in this process, and its clock: its deadlines
 * are checked only when a test asks for it.
 */
export class ManualChecks implements Disposable {
  readonly #setInterval = globalThis.setInterval;
  readonly #now = performance.now;
  readonly #checks: (() => void)[] = [];
  #aheadMs = 0;

  constructor() {
    globalThis.setInterval = ((check: () => void) => {
      this.#checks.push(check);
      return 0;
    }) as unknown as typeof globalThis.setInterval;
    performance.now = () => this.#now.call(performance) + this.#aheadMs;
  }

  /**
   * Checks as after a pause of the process: `ms` have passed, and what has arrived since the caller
   * last awaited something is not read yet.
   */
  checkAfterPause(ms: number): void {
    this.#aheadMs += ms;
    this.check();
  }

  /** Checks all deadlines. */
  check(): void {
    this.#checks.forEach((check) => check());
  }

  /** Gives the intervals and the clock back. */
  [Symbol.dispose](): void {
    globalThis.setInterval = this.#setInterval;
    performance.now = this.#now;
  }
}
