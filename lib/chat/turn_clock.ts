/**
 * A clock that is read once in each turn of the event loop: the messages of a burst share one time.
 */
export class TurnClock {
  readonly #readMs: () => number;
  readonly #defer: (run: () => void) => void;
  #nowMs: number | undefined;

  /**
   * @param readMs Reads the time, in milliseconds since 1970.
   * @param defer Runs a function in the next turn of the event loop.
   */
  constructor(readMs: () => number, defer: (run: () => void) => void) {
    this.#readMs = readMs;
    this.#defer = defer;
  }

  /** Milliseconds since 1970. */
  get nowMs(): number {
    if (this.#nowMs === undefined) {
      this.#nowMs = this.#readMs();
      this.#defer(() => this.#nowMs = undefined);
    }
    return this.#nowMs;
  }
}
