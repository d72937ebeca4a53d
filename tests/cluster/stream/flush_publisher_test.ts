import { assertEquals, assertRejects } from "@std/assert";
import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import { connect, errors } from "@nats-io/transport-node";
import { FlushPublisher } from "../../../lib/cluster/stream/flush_publisher.ts";
import { isNatsMissing, NatsServer } from "../nats_server.ts";

const PAYLOAD = new Uint8Array([1]);

/** Runs a test with a publisher, and a stream that takes one message of each subject `a.*`. */
function publisherTest(name: string, run: (publisher: FlushPublisher) => Promise<void>): void {
  Deno.test({
    name,
    ignore: isNatsMissing,
    fn: async () => {
      const denied = `permissions: { publish: { deny: "a.denied" } }`;
      const conf = `authorization { users: [{ user: ann, password: secret, ${denied} }] }`;
      await using server = await NatsServer.start({ conf });
      const options = { servers: server.url, user: "ann", pass: "secret" };
      const connection = await connect(options);
      const manager = await jetstreamManager(connection);
      const limits = { discard: "new", max_msgs_per_subject: 1, discard_new_per_subject: true };
      await manager.streams.add({ name: "s", subjects: ["a.*"], ...limits } as never);
      {
        using publisher = new FlushPublisher(connection);
        await run(publisher);
      }
      await connection.close();
    },
  });
}

publisherTest(
  "FlushPublisher resolves with the sequence number in the stream",
  async (publisher) => {
    const numbers = [1, 2, 3].map((number) =>
      publisher.publish({ subject: `a.${number}`, number, id: `n-${number}` }, PAYLOAD)
    );
    assertEquals(await Promise.all(numbers), [1, 2, 3]);
    // It is stored once.
    assertEquals(await publisher.publish({ subject: "a.2", number: 2, id: "n-2" }, PAYLOAD), 2);
  },
);

publisherTest("FlushPublisher rejects what the stream does not store", async (publisher) => {
  await publisher.publish({ subject: "a.full", number: 1, id: "n-1" }, PAYLOAD);
  await assertRejects(
    () => publisher.publish({ subject: "a.full", number: 2, id: "n-2" }, PAYLOAD),
    JetStreamApiError,
  );
});

publisherTest("FlushPublisher rejects a subject of no stream", async (publisher) => {
  await assertRejects(
    () => publisher.publish({ subject: "b", number: 1, id: "n-1" }, PAYLOAD),
    errors.NoRespondersError,
  );
});

publisherTest("FlushPublisher rejects only what the user may not publish", async (publisher) => {
  const allowed = publisher.publish({ subject: "a.allowed", number: 1, id: "n-1" }, PAYLOAD);
  await assertRejects(
    () => publisher.publish({ subject: "a.denied", number: 2, id: "n-2" }, PAYLOAD),
    errors.PermissionViolationError,
  );
  assertEquals(await allowed, 1);
});
