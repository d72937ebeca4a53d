/** The time of day, read once in each turn of the event loop: a burst of messages has one time, and costs one reading. */
export class TurnClock {
  readonly #defer: (run: () => void) => void;
  #nowMs: number | undefined;

  /** @param defer Runs a function in the next turn of the event loop. */
  constructor(defer: (run: () => void) => void) {
    this.#defer = defer;
  }

  /** Milliseconds since 1970. */
  get nowMs(): number {
    if (this.#nowMs === undefined) {
      this.#nowMs = Date.now();
      this.#defer(() => this.#nowMs = undefined);
    }
    return this.#nowMs;
  }
}
