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
    const result = data.call === "send" ? await worker.send(data.plan!) : await worker[data.call]();
    post({ id: data.id, result });
  }
};

function post(answer: Answer): void {
  self.postMessage(answer);
}
