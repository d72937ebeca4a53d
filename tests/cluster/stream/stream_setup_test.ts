import { assertEquals } from "@std/assert";
import { jetstream, jetstreamManager, type StreamInfo } from "@nats-io/jetstream";
import { NatsLink, RECOVERY_OPTIONS } from "../../../lib/cluster/connection/nats_link.ts";
import { openStream, readStreamInfo, STREAM } from "../../../lib/cluster/stream/stream_setup.ts";
import { isNatsMissing, NatsCluster, type NatsServer } from "../nats_server.ts";

/** An election may take 20 seconds on a busy machine. */
const PATIENCE_MS = 60_000;

async function open({ url }: NatsServer) {
  const link = await NatsLink.connect({ servers: [url], name: "test", startTimeoutMs: 20_000 });
  const manager = await jetstreamManager(link.connection, RECOVERY_OPTIONS);
  const publish = () => jetstream(link.connection).publish("chorus.room.tea", "hi");
  return { link, manager, publish, [Symbol.asyncDispose]: () => link.connection.close() };
}

async function answerOf(read: () => Promise<StreamInfo>): Promise<StreamInfo> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
}

Deno.test({
  name: "readStreamInfo() does not tell what a server without the newest messages knows",
  ignore: isNatsMissing,
  fn: async () => {
    await using cluster = await NatsCluster.start({ size: 3 });
    {
      await using first = await open(cluster.servers[0]!);
      const limits = { replicas: 3, historyMessages: 0, historyAgeMs: 0 };
      await openStream(first.link, first.manager, limits);
      await first.publish();
    }
    const outdated = await cluster.leaderOf(STREAM);
    await outdated.kill();
    const leader = await cluster.leaderOf(STREAM);
    const other = cluster.servers.find((server) => server !== outdated && server !== leader)!;
    await using last = await open(other);
    const restarted = outdated.restart();
    await last.publish();
    await last.publish();
    await restarted;
    await leader.kill();
    const info = await answerOf(() => readStreamInfo(last.link, last.manager));
    assertEquals(info.state.last_seq, 3);
  },
});
