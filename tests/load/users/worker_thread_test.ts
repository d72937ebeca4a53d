import { assert } from "@std/assert";
import type { WorkerOptions } from "../../../lib/load/users/worker.ts";
import { ThreadWorker, WorkerError } from "../../../lib/load/users/worker_thread.ts";

Deno.test("ThreadWorker rejects all calls after its thread failed", async () => {
  using worker = new ThreadWorker({ config: null } as unknown as WorkerOptions, () => {});
  const failureOf = (call: Promise<unknown>) =>
    call.then(() => undefined, (error: unknown) => error);
  assert(await failureOf(worker.connect()) instanceof WorkerError);
  assert(await failureOf(worker.sample()) instanceof WorkerError);
  worker.stop();
});
