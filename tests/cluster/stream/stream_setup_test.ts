import { assertEquals, assertRejects } from "@std/assert";
import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { readStreamInfo, StreamNotReadyError } from "../../../lib/cluster/stream/stream_setup.ts";

function read(replicas: number, cluster: StreamInfo["cluster"]) {
  const info = { config: { num_replicas: replicas }, cluster } as StreamInfo;
  const link = { call: <T>(request: () => Promise<T>) => request() };
  const streams = { info: () => Promise.resolve(info) };
  return readStreamInfo(link, { streams } as unknown as JetStreamManager);
}

// While there is no leader, nats-server 2.9 lets any server answer, also one that lacks messages.
Deno.test("readStreamInfo() refuses what a server tells of a stream without a leader", async () => {
  await assertRejects(() => read(3, { name: "c" }), StreamNotReadyError, "has no leader");
  await assertRejects(() => read(3, undefined), StreamNotReadyError);
  assertEquals((await read(3, { name: "c", leader: "s0" })).config.num_replicas, 3);
  assertEquals((await read(1, undefined)).config.num_replicas, 1);
});
