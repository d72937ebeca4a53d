import { assert, assertEquals } from "@std/assert";
import type { Logger } from "@logtape/logtape";
import { jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { isNatsMissing, NatsServer } from "./nats_server.ts";
import { Changes, TestBackplane } from "./test_room.ts";

/** Defines a test with a NATS server of its own, which stores in the folder `store` of a folder. */
function natsTest(name: string, run: (server: NatsServer, folder: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: isNatsMissing,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      {
        await using server = await NatsServer.start({ storeDir: `${folder}/store` });
        await run(server, folder);
      }
      await Deno.remove(folder, { recursive: true });
    },
  });
}

/** Changes settings of the stream, as `nats stream edit chorus` does. */
async function editStream(server: NatsServer, settings: Partial<StreamConfig>): Promise<void> {
  const connection = await connect({ servers: server.url });
  await (await jetstreamManager(connection)).streams.update("chorus", settings);
  await connection.close();
}

/** Reads when the stream was created, as NATS tells it. */
async function creation(server: NatsServer): Promise<string> {
  const connection = await connect({ servers: server.url });
  const { created } = await (await jetstreamManager(connection)).streams.info("chorus");
  await connection.close();
  return String(created);
}

/** Collects warnings. */
class Warnings {
  readonly texts: string[] = [];
  readonly changed = new Changes();

  get logger(): Logger {
    const warn = (text: string, values: Record<string, unknown> = {}) => {
      this.texts.push(text.replace(/\{(\w+)\}/g, (_, name) => String(values[name])));
      this.changed.notify();
    };
    const ignore = () => {};
    return { warn, warning: warn, info: ignore, debug: ignore } as unknown as Logger;
  }
}

natsTest("NatsBackplane tells of other settings of the stream after a restart", async (server) => {
  const warnings = new Warnings();
  await using one = await TestBackplane.open(server.url, { logger: warnings.logger });
  const room = await one.room("lobby");
  await editStream(server, { max_age: 3600e9 });
  await server.restart();
  room.publish("held");
  const reason = "The stream chorus in NATS has other settings: max_age is 1h, but --history-age " +
    "means unlimited. Change the flags of this server, or the stream with `nats stream edit " +
    "chorus`";
  const warning = `Messages still cannot be stored: ${reason}`;
  await warnings.changed.until(() => warnings.texts.includes(warning));
  assertEquals(one.backplane.outage, reason);
  assertEquals(warnings.texts.filter((text) => text === warning).length, 1);
  await editStream(server, { max_age: 0 });
  await one.changed.until(() => one.backplane.outage === undefined);
  await room.received(1);
  assertEquals([room.own, one.newEpochs], [["held"], 0]);
});

natsTest("NatsBackplane keeps its epoch when the stream was edited", async (server) => {
  await using one = await TestBackplane.open(server.url);
  await using other = await TestBackplane.open(server.url);
  const { epoch } = one.backplane;
  const rooms = [await one.room("lobby"), await other.room("lobby")];
  rooms[0]!.publish("before");
  await Promise.all(rooms.map((room) => room.received(1)));
  const created = await creation(server);
  // nats-server 2.9 then tells the time of the first restart.
  await server.restart();
  await editStream(server, { max_bytes: 10_000_000 });
  await server.terminate();
  await server.restart();
  assert(await creation(server) !== created);
  rooms[1]!.publish("after");
  await Promise.all(rooms.map((room) => room.received(2)));
  assertEquals(rooms.map(({ texts }) => texts), [["before", "after"], ["before", "after"]]);
  assertEquals([one.newEpochs, other.newEpochs], [0, 0]);
  await using late = await TestBackplane.open(server.url);
  assertEquals([one, other, late].map(({ backplane }) => backplane.epoch), [epoch, epoch, epoch]);
});

natsTest(
  "NatsBackplane begins an epoch if the edited stream is an old copy",
  async (server, folder) => {
    await using one = await TestBackplane.open(server.url);
    const { epoch } = one.backplane;
    const room = await one.room("lobby");
    room.publish("a");
    await room.received(1);
    await server.restart();
    await one.changed.until(() => one.outageChanges >= 2 && one.backplane.outage === undefined);
    await editStream(server, { max_bytes: 10_000_000 });
    const created = await creation(server);
    const args = ["-r", `${folder}/store`, `${folder}/copy`];
    assert((await new Deno.Command("cp", { args }).output()).success);
    room.publish("b");
    await room.received(2);
    await server.kill();
    await Deno.remove(`${folder}/store`, { recursive: true });
    await Deno.rename(`${folder}/copy`, `${folder}/store`);
    await server.restart();
    assert(await creation(server) !== created);
    await one.changed.until(() => one.newEpochs === 1);
    assert(one.backplane.epoch !== epoch);
  },
);

natsTest("NatsBackplane ends while NATS does not answer", async (server) => {
  const one = await TestBackplane.open(server.url);
  const room = await one.room("lobby");
  await server.stop();
  room.publish("held");
  await one[Symbol.asyncDispose]();
  assertEquals(room.refused, ["held"]);
  server.cont();
});

natsTest("NatsBackplane says once that the stream starts over, and why", async (server) => {
  const warnings = new Warnings();
  await using one = await TestBackplane.open(server.url, { logger: warnings.logger });
  await server.kill();
  await using _empty = await NatsServer.start({ port: server.port });
  await one.changed.until(() => one.newEpochs === 1);
  const texts = warnings.texts.filter((text) => text.includes("starts over"));
  assertEquals(texts, [
    "Closing all members, as the stream in NATS starts over: it was created anew, or is an " +
    "old copy",
  ]);
});
