import type { WriterAnswer, WriterRequest } from "./sqlite_worker.ts";

/** The thread that writes a history's file. It does what it is asked for in order. */
export class WriterThread implements Disposable {
  readonly #worker = new Worker(new URL("./sqlite_worker.ts", import.meta.url), { type: "module" });
  /** What has been asked for and not been answered, in order. */
  readonly #pending: PromiseWithResolvers<void>[] = [];
  /** Why there are no answers any more. */
  #end: Error | undefined;

  constructor() {
    this.#worker.onmessage = ({ data: { fault } }: MessageEvent<WriterAnswer>) => {
      const { resolve, reject } = this.#pending.shift()!;
      if (fault === undefined) resolve();
      else reject(new Error(fault));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#stop(new Error(`its thread has failed: ${event.message}`));
    };
  }

  /** Asks for something. Resolves when it is done; rejects with the reason if it is not. */
  request(message: WriterRequest, transfer: Transferable[] = []): Promise<void> {
    if (this.#end) return Promise.reject(this.#end);
    const answer = Promise.withResolvers<void>();
    this.#pending.push(answer);
    this.#worker.postMessage(message, transfer);
    return answer.promise;
  }

  /** Ends the thread. What has not been done by now is not done. */
  [Symbol.dispose](): void {
    this.#stop(new Error("it is closed"));
  }

  #stop(end: Error): void {
    this.#end ??= end;
    this.#worker.terminate();
    for (const { reject } of this.#pending.splice(0)) reject(this.#end);
  }
}
