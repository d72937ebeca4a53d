import { connect, type NatsConnection } from "@nats-io/transport-node";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { isNatsMissing, NatsCluster, NatsServer } from "./nats_server.ts";

const ignore = isNatsMissing;

Deno.test({
  name: "NatsServer has its streams after a restart with SIGKILL",
  ignore,
  fn: async () => {
    await using server = await NatsServer.start();
    const before = await connect({ servers: server.url, reconnect: false });
    await makeStream(before, 1);
    const pid = server.pid;
    await Promise.all([server.restart(), before.closed()]);
    assert(server.pid !== pid);
    const after = await connect({ servers: server.url });
    assertEquals(await request(after, "STREAM.NAMES"), ["test"]);
    await after.close();
  },
});

Deno.test({
  name: "NatsServer leaves a store that it was given",
  ignore,
  fn: async () => {
    const storeDir = await Deno.makeTempDir();
    for (const expected of [undefined, ["test"]]) {
      await using server = await NatsServer.start({ storeDir });
      const connection = await connect({ servers: server.url });
      assertEquals(await request(connection, "STREAM.NAMES") ?? undefined, expected);
      await makeStream(connection, 1);
      await connection.close();
    }
    await Deno.remove(storeDir, { recursive: true });
  },
});

Deno.test({
  name: "NatsServer answers again after stop and cont",
  ignore,
  fn: async () => {
    await using server = await NatsServer.start();
    const connection = await connect({ servers: server.url });
    await server.stop();
    const answered = connection.flush();
    server.cont();
    await answered;
    await connection.close();
  },
});

Deno.test({
  name: "NatsServer reads more settings, and tells why it does not start",
  ignore,
  fn: async () => {
    await using server = await NatsServer.start({ conf: "jetstream: false\nmax_payload: 1000" });
    const connection = await connect({ servers: server.url });
    assertEquals(connection.info?.max_payload, 1000);
    assertEquals(connection.info?.jetstream ?? false, false);
    await connection.close();
    await assertRejects(() => NatsServer.start({ conf: "max_payload: many" }), Error, "int64");
  },
});

Deno.test({
  name: "NatsCluster has a stream with a replica on each server, and another leader after a kill",
  ignore,
  fn: async () => {
    await using cluster = await NatsCluster.start({ size: 3 });
    const connection = await connect({ servers: cluster.urls, maxReconnectAttempts: -1 });
    await makeStream(connection, 3);
    const leader = await cluster.leaderOf("test");
    await leader.kill();
    const next = await cluster.leaderOf("test");
    assert(next !== leader);
    await leader.restart();
    await cluster.formed();
    await connection.close();
  },
});

async function makeStream(connection: NatsConnection, replicas: number): Promise<void> {
  const config = { name: "test", subjects: ["test.*"], num_replicas: replicas };
  const answer = await request(connection, "STREAM.CREATE.test", config);
  assertEquals(answer, undefined);
}

/** Sends a request to JetStream. Returns the names of streams in the answer, if it has any. */
async function request(
  connection: NatsConnection,
  subject: string,
  body: unknown = {},
): Promise<unknown> {
  const answer = await connection.request(`$JS.API.${subject}`, JSON.stringify(body), {
    timeout: 10_000,
  });
  const { error, streams } = answer.json<{ error?: unknown; streams?: unknown }>();
  assertEquals(error, undefined);
  return streams;
}
