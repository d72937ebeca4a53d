import type { WriterAnswer, WriterRequest } from "./sqlite_worker.ts";

/** Starts the worker of a {@linkcode WriterThread}. */
export type StartWorker = () => Worker;

/** Starts the worker that writes an SQLite file. */
export const startSqliteWorker: StartWorker = () =>
  new Worker(new URL("./sqlite_worker.ts", import.meta.url), { type: "module" });

/** The thread that writes the file of a history. It handles requests in order. */
export class WriterThread implements Disposable {
  readonly #worker: Worker;
  /** The requests without an answer, in order. */
  readonly #pending: PromiseWithResolvers<WriterAnswer>[] = [];
  /** Why there are no more answers. */
  #error: Error | undefined;

  constructor(startWorker: StartWorker) {
    this.#worker = startWorker();
    this.#worker.onmessage = ({ data }: MessageEvent<WriterAnswer>) => {
      const { resolve, reject } = this.#pending.shift()!;
      if (data.reason === undefined) resolve(data);
      else reject(new Error(data.reason));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#stop(new Error(`the writer thread failed: ${event.message}`));
    };
  }

  /** Whether the thread has ended: every further request is rejected. */
  get hasEnded(): boolean {
    return this.#error !== undefined;
  }

  /** Sends a request. Resolves when it is done; rejects with the reason if it fails. */
  request(message: WriterRequest, transfer: Transferable[] = []): Promise<WriterAnswer> {
    if (this.#error) return Promise.reject(this.#error);
    const answer = Promise.withResolvers<WriterAnswer>();
    this.#pending.push(answer);
    this.#worker.postMessage(message, transfer);
    return answer.promise;
  }

  /** Ends the thread, and rejects the requests without an answer. */
  [Symbol.dispose](): void {
    this.#stop(new Error("it is closed"));
  }

  #stop(error: Error): void {
    this.#error ??= error;
    this.#worker.terminate();
    for (const { reject } of this.#pending.splice(0)) reject(this.#error);
  }
}
