import type { LoadWorker, SendPlan, WorkerOptions, WorkerResult, WorkerSample } from "./worker.ts";

/** What is asked of a worker in another thread: the first message makes it, each other calls a method of it. */
export type Request =
  | { readonly make: WorkerOptions }
  | { readonly call: keyof LoadWorker; readonly number: number; readonly plan?: SendPlan };

/** What it answers. */
export type Answer =
  | { readonly notice: string }
  | { readonly number: number; readonly result: unknown };

/** A worker's thread has failed. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
}

/** A worker in a thread of its own. */
export class ThreadWorker implements LoadWorker, Disposable {
  readonly #thread = new Worker(new URL("./worker_thread_main.ts", import.meta.url), {
    type: "module",
  });
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #lastNumber = 0;
  #error: WorkerError | undefined;

  constructor(options: WorkerOptions, printNotice: (line: string) => void) {
    this.#thread.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ("notice" in data) return printNotice(data.notice);
      this.#calls.get(data.number)!.resolve(data.result);
      this.#calls.delete(data.number);
    };
    this.#thread.onerror = (event) => {
      event.preventDefault();
      const error = new WorkerError(`A worker has failed: ${event.message}`);
      this.#error = error;
      this.#calls.forEach((call) => call.reject(error));
      this.#calls.clear();
    };
    this.#post({ make: options });
  }

  connect(): Promise<number> {
    return this.#call("connect");
  }

  send(plan: SendPlan): Promise<void> {
    return this.#call("send", plan);
  }

  calm(): Promise<void> {
    return this.#call("calm");
  }

  sample(): Promise<WorkerSample> {
    return this.#call("sample");
  }

  outstanding(): Promise<number> {
    return this.#call("outstanding");
  }

  leave(): Promise<WorkerResult> {
    return this.#call("leave");
  }

  stop(): void {
    // Whoever waits for something else of it hears of its failure.
    this.#call("stop").catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#thread.terminate();
  }

  #call<Result>(call: keyof LoadWorker, plan?: SendPlan): Promise<Result> {
    if (this.#error) return Promise.reject(this.#error);
    const answered = Promise.withResolvers<unknown>();
    const number = ++this.#lastNumber;
    this.#calls.set(number, answered);
    this.#post({ call, number, ...(plan === undefined ? {} : { plan }) });
    return answered.promise as Promise<Result>;
  }

  #post(request: Request): void {
    this.#thread.postMessage(request);
  }
}
