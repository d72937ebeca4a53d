import type { MessageName } from "../measure/ledger/receiver_plan.ts";
import type { LoadWorker, SendPlan, WorkerOptions, WorkerResult, WorkerSample } from "./worker.ts";

/** A message to a worker thread. The first makes the worker, others call its methods. */
export type Request =
  | { readonly make: WorkerOptions }
  | { readonly call: keyof LoadWorker; readonly id: number; readonly argument?: unknown };

/** A message from a worker's thread: a notice, or the result of the call with this id. */
export type Answer =
  | { readonly notice: string }
  | { readonly id: number; readonly result: unknown };

/** A worker's thread failed. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
}

/** A worker in a thread of its own. */
export class ThreadWorker implements LoadWorker, Disposable {
  readonly #thread = new Worker(new URL("./worker_thread_main.ts", import.meta.url), {
    type: "module",
  });
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  #error: WorkerError | undefined;

  constructor(options: WorkerOptions, printNotice: (line: string) => void) {
    this.#thread.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ("notice" in data) return printNotice(data.notice);
      this.#calls.get(data.id)!.resolve(data.result);
      this.#calls.delete(data.id);
    };
    this.#thread.onerror = (event) => {
      event.preventDefault();
      const error = new WorkerError(`A worker thread failed: ${event.message}`);
      this.#error = error;
      this.#calls.forEach((call) => call.reject(error));
      this.#calls.clear();
    };
    this.#post({ make: options });
  }

  readonly connect = () => this.#call<number>("connect");
  readonly send = (plan: SendPlan) => this.#call<void>("send", plan);
  readonly beginDrain = () => this.#call<void>("beginDrain");
  readonly sample = () => this.#call<WorkerSample>("sample");
  readonly outstanding = () => this.#call<number>("outstanding");
  readonly endDrain = () => this.#call<void>("endDrain");
  readonly expected = (messages: readonly MessageName[]) =>
    this.#call<readonly MessageName[]>("expected", messages);
  readonly leave = () => this.#call<WorkerResult>("leave");

  stop(): void {
    // If the thread has failed, the other calls report it.
    this.#call("stop").catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#thread.terminate();
  }

  #call<Result>(call: keyof LoadWorker, argument?: unknown): Promise<Result> {
    if (this.#error) return Promise.reject(this.#error);
    const answered = Promise.withResolvers<unknown>();
    const id = ++this.#lastId;
    this.#calls.set(id, answered);
    this.#post({ call, id, argument });
    return answered.promise as Promise<Result>;
  }

  #post(request: Request): void {
    this.#thread.postMessage(request);
  }
}
