/** A queue with an asynchronous `take()`. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: PromiseWithResolvers<T>[] = [];
  #closed: Error | undefined;

  put(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(item);
    else this.#items.push(item);
  }

  /** Takes the next item. Rejects with the error of {@linkcode close} if there will be none. */
  async take(): Promise<T> {
    if (this.#items.length > 0) return this.#items.shift()!;
    if (this.#closed) throw this.#closed;
    const waiting = Promise.withResolvers<T>();
    this.#waiting.push(waiting);
    return await waiting.promise;
  }

  /** Closes the queue. Readers that wait for an item get this error. */
  close(error: Error): void {
    this.#closed = error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}
