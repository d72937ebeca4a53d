/** Makes at most so many calls at a time. More wait, and are made in their order. */
export class CallLimit {
  readonly #maxCount: number;
  #count = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  /** Resolves, or rejects, as the call does. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#count < this.#maxCount) this.#count++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await call();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#count--;
    }
  }
}
