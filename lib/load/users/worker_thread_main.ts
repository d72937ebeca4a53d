/// <reference lib="deno.worker" />
import { checkDirectWrite } from "../../websocket/transport/socket_transport.ts";
import { LocalWorker } from "./worker_local.ts";
import type { Answer, Request } from "./worker_thread.ts";

let worker: LocalWorker;
const checked = checkDirectWrite();

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  await checked;
  if ("make" in data) worker = new LocalWorker(data.make, (notice) => post({ notice }));
  else {
    const call = worker[data.call] as (argument: unknown) => unknown;
    post({ id: data.id, result: await call.call(worker, data.argument) });
  }
};

function post(answer: Answer): void {
  self.postMessage(answer);
}
