import { assertEquals } from "@std/assert";
import { isNatsMissing, NatsCluster, NatsServer } from "./nats_server.ts";
import { TestBackplane } from "./test_room.ts";

Deno.test({
  name: "NatsBackplane goes on with another leader when that of the stream is killed",
  ignore: isNatsMissing,
  fn: async () => {
    await using cluster = await NatsCluster.start({ size: 3 });
    const options = { replicas: 3, startTimeoutMs: 20_000 };
    await using one = await TestBackplane.open(cluster.urls, options);
    await using other = await TestBackplane.open(cluster.urls.toReversed(), options);
    const [room, reader] = [await one.room("lobby"), await other.room("lobby")];
    const all: string[] = [];
    for (let kill = 0; kill < 2; kill++) {
      const leader = await cluster.leaderOf("chorus");
      for (let round = 0; round < 50; round++) {
        room.publish(`${kill}-${round}`);
        all.push(`${kill}-${round}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await leader.kill();
      room.publish(`${kill}-last`);
      all.push(`${kill}-last`);
      await Promise.all([room.received(all.length), reader.received(all.length)]);
      await leader.restart();
    }
    assertEquals([room.own, reader.texts, room.refused, reader.gaps], [all, all, [], []]);
    assertEquals([one.newEpochs, other.newEpochs], [0, 0]);
    assertEquals(room.messages, reader.messages);
  },
});

Deno.test({
  name: "NatsBackplane has an outage while its server does not answer",
  ignore: isNatsMissing,
  fn: async () => {
    await using server = await NatsServer.start();
    await using one = await TestBackplane.open(server.url);
    const room = await one.room("lobby");
    await server.stop();
    room.publish("a");
    await one.changed.until(() => one.backplane.outage !== undefined);
    server.cont();
    await room.received(1);
    assertEquals([room.own, room.refused], [["a"], []]);
    await one.changed.until(() => one.backplane.outage === undefined);
  },
});
