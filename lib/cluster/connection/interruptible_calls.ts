/** Calls whose answer is no longer waited for once something has happened. */
export class InterruptibleCalls {
  readonly #rejects = new Set<(reason: Error) => void>();

  /** Waits for an answer. Rejects as the call does, or with the reason of an interruption. */
  async run<T>(answer: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#rejects.add(reject);
    try {
      return await Promise.race([answer, promise]);
    } finally {
      this.#rejects.delete(reject);
    }
  }

  /** Interrupts all calls under way. */
  interrupt(reason: Error): void {
    for (const reject of this.#rejects) reject(reason);
  }
}
