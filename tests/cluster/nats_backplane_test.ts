import { assert, assertEquals } from "@std/assert";
import { roomSubject } from "../../lib/cluster/stream/room_subject.ts";
import { isNatsMissing, NatsServer } from "./nats_server.ts";
import { ANN, publication, TestBackplane, TestRoom } from "./test_room.ts";

/** Defines a test with a NATS server of its own. */
function natsTest(name: string, run: (server: NatsServer) => Promise<void>): void {
  Deno.test({
    name,
    ignore: isNatsMissing,
    fn: async () => {
      await using server = await NatsServer.start();
      await run(server);
    },
  });
}

natsTest(
  "NatsBackplane gives all processes the same messages in the same order",
  async (server) => {
    await using one = await TestBackplane.open(server.url);
    await using other = await TestBackplane.open(server.url);
    const rooms = [await one.room("lobby"), await other.room("lobby")];
    for (let round = 0; round < 50; round++) {
      for (const [index, room] of rooms.entries()) {
        room.publish(
          `${index}a${round}`,
          `${index}b${round}`,
        );
      }
      await Promise.all(rooms.map((room) => room.received(4 * round + 2)));
    }
    await Promise.all(rooms.map((room) => room.received(200)));
    const [first, second] = rooms;
    assertEquals(first!.messages, second!.messages);
    assertEquals(new Set(first!.texts).size, 200);
    assertEquals(first!.own, first!.texts.filter((text) => text.startsWith("0")));
    assertEquals(second!.own, first!.texts.filter((text) => text.startsWith("1")));
    const seqs = first!.messages.map(({ seq }) => seq);
    assertEquals(seqs, seqs.toSorted((a, b) => a - b));
    assertEquals([first!.gaps, first!.refused, first!.stream.hasPending], [[], [], false]);
  },
);

natsTest("NatsBackplane shares its epoch and the session key", async (server) => {
  const [one, other] = await Promise.all([0, 1].map(() => TestBackplane.open(server.url)));
  await using _one = one!;
  await using _other = other!;
  assertEquals(one!.backplane.epoch, other!.backplane.epoch);
  assertEquals(one!.backplane.sessionKey, other!.backplane.sessionKey);
  assert(/^[0-9a-f]{16}$/.test(one!.backplane.epoch));
  assertEquals(one!.backplane.sessionKey.length, 32);
});

natsTest("NatsBackplane opens a room with its newest messages", async (server) => {
  await using one = await TestBackplane.open(server.url);
  const room = await one.room("Zürich/1");
  for (let index = 1; index <= 250; index++) {
    room.publish(`m${index}`);
    await room.received(index);
  }
  await using other = await TestBackplane.open(server.url);
  const opened = await other.room("Zürich/1");
  assertEquals(opened.headSeq, room.messages.at(-1)!.seq);
  assertEquals(opened.tail, room.messages.slice(-opened.tail.length));
  assert(opened.tail.length >= 100);
  assertEquals(await other.backplane.rooms("", 10), [{ room: "Zürich/1", memberCount: 0 }]);
  assertEquals(await other.backplane.heads(["nobody", "Zürich/1"]), [
    { seq: 0, hasMessages: false },
    { seq: opened.headSeq!, hasMessages: true },
  ]);
});

natsTest("NatsBackplane opens a room while others publish there", async (server) => {
  await using one = await TestBackplane.open(server.url);
  await using other = await TestBackplane.open(server.url);
  const publisher = await one.room("lobby");
  let isDone = false;
  const publishing = (async () => {
    for (let index = 0; !isDone; index++) {
      publisher.stream.publish(publication(`m${index}`, { id: `${index}` }));
      await publisher.received(index + 1);
    }
  })();
  for (let round = 0; round < 30; round++) {
    const room = await other.room("lobby");
    await room.received(room.tail.length + 5);
    room.stream.close();
    const first = Number(room.texts[0]?.slice(1));
    assertEquals(room.texts, room.texts.map((_, index) => `m${first + index}`));
    assertEquals(room.gaps, []);
  }
  isDone = true;
  await publishing;
});

natsTest("NatsBackplane holds messages during an outage, and loses none", async (server) => {
  await using one = await TestBackplane.open(server.url);
  await using other = await TestBackplane.open(server.url);
  const [room, reader] = [await one.room("lobby"), await other.room("lobby")];
  room.publish("before");
  await reader.received(1);
  await server.kill();
  await one.changed.until(() => one.backplane.outage !== undefined);
  room.publish("during");
  assert(room.stream.hasPending);
  assertEquals(room.stream.backlog, undefined);
  await server.restart();
  room.publish("after");
  await reader.received(3);
  await room.received(3);
  assertEquals(reader.texts, ["before", "during", "after"]);
  assertEquals(room.own, reader.texts);
  await one.changed.until(() => one.backplane.outage === undefined);
});

natsTest("NatsBackplane loses and doubles no message when the server is killed", async (server) => {
  await using one = await TestBackplane.open(server.url);
  await using other = await TestBackplane.open(server.url);
  const rooms = await Promise.all(
    [one, other].flatMap((each) => ["red", "blue"].map((name) => each.room(name))),
  );
  let count = 0;
  for (let kill = 0; kill < 5; kill++) {
    for (let round = 0; round < 100; round++, count++) {
      for (const [index, room] of rooms.entries()) room.publish(`${index}-${count}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Flushes are under way.
    await server.restart();
  }
  await Promise.all(rooms.map((room) => room.changed.until(() => !room.stream.hasPending)));
  for (const [index, room] of rooms.entries()) {
    const all = Array.from({ length: count }, (_, at) => `${index}-${at}`);
    assertEquals([...room.own, ...room.refused], all);
  }
  const red = [rooms[0]!, rooms[2]!], blue = [rooms[1]!, rooms[3]!];
  for (const room of rooms) assertEquals(new Set(room.texts).size, room.texts.length);
  // nats-server 2.9 may lose the last messages that it has delivered, if it is killed.
  if (one.newEpochs + other.newEpochs > 0) return;
  for (const [first, second] of [red, blue]) {
    await Promise.all([first!.received(2 * count), second!.received(2 * count)]);
    assertEquals(first!.messages, second!.messages);
    assertEquals([first!.refused, second!.refused, first!.gaps, second!.gaps], [[], [], [], []]);
  }
});

natsTest("NatsBackplane refuses messages beyond its memory during an outage", async (server) => {
  await using one = await TestBackplane.open(server.url, { maxHeldBytes: 10_000 });
  const room = await one.room("lobby");
  await server.kill();
  await one.changed.until(() => one.backplane.outage !== undefined);
  const large = "x".repeat(4000);
  room.publish(`1${large}`, `2${large}`, `3${large}`, "4");
  await room.changed.until(() => room.refused.length > 0);
  assertEquals(room.refused, [`3${large}`]);
  await server.restart();
  await room.received(3);
  assertEquals(room.texts, [`1${large}`, `2${large}`, "4"]);
});

natsTest("NatsBackplane holds back senders while much is under way", async (server) => {
  await using one = await TestBackplane.open(server.url, { maxHeldBytes: 40_000 });
  const room = await one.room("lobby");
  room.publish("x".repeat(9000));
  assertEquals(room.stream.backlog, undefined);
  room.publish("y".repeat(9000));
  const { backlog } = room.stream;
  assert(backlog);
  await backlog;
  await room.received(2);
  assertEquals(room.stream.backlog, undefined);
});

natsTest(
  "NatsBackplane stores large messages, and refuses one that NATS does not take",
  async (server) => {
    await using one = await TestBackplane.open(server.url);
    await using other = await TestBackplane.open(server.url);
    const [room, reader] = [await one.room("lobby"), await other.room("lobby")];
    const large = "x".repeat(1_000_000);
    room.publish("1", large, "2", "y".repeat(1024 ** 2), "3");
    await reader.received(4);
    assertEquals(reader.texts, ["1", large, "2", "3"]);
    assertEquals(room.refused.map(({ length }) => length), [1024 ** 2]);
    const page = await reader.stream.read(0, 10, 1000);
    assertEquals(page.messages.map(({ payload }) => payload.length), [1, 1_000_000]);
  },
);

natsTest(
  "NatsBackplane refuses messages when a room is left behind by a new epoch",
  async (server) => {
    await using one = await TestBackplane.open(server.url);
    const { epoch } = one.backplane;
    const room = await one.room("lobby");
    room.publish("old");
    await room.received(1);
    await server.kill();
    room.publish("held");
    await one.changed.until(() => one.backplane.outage !== undefined);
    await using empty = await NatsServer.start({ port: server.port });
    await one.changed.until(() => one.newEpochs === 1);
    assertEquals(room.refused, ["held"]);
    assert(one.backplane.epoch !== epoch);
    await one.changed.until(() => one.backplane.outage === undefined);
    const next = await one.room("lobby");
    assertEquals(next.headSeq, 0);
    next.publish("new");
    await next.received(1);
    assertEquals([next.texts, room.texts, empty.url], [["new"], ["old"], server.url]);
  },
);

natsTest("NatsBackplane tells the publisher of a message with an id twice", async (server) => {
  await using one = await TestBackplane.open(server.url);
  const room = await one.room("lobby");
  room.stream.publish(publication("a", { id: "1" }));
  room.stream.publish(publication("b", { id: "1" }));
  await room.received(2);
  const [first, second] = room.messages;
  assertEquals([first!.duplicateOf, second!.duplicateOf], [undefined, first!.seq]);
});

natsTest("NatsBackplane tells who is in a room in other processes", async (server) => {
  await using one = await TestBackplane.open(server.url);
  const room = await one.room("lobby");
  const ann = { id: ANN.id!, name: "Ann" };
  room.localMembers.push(ann);
  room.stream.tellPresence([ann], []);
  const other = await TestBackplane.open(server.url);
  const reader = await other.room("lobby");
  assertEquals([...reader.remoteMembers], [ann]);
  reader.localMembers.push({ ...ann, name: "Bob" });
  reader.stream.tellPresence(reader.localMembers, []);
  await room.changed.until(() => room.remoteMembers.size === 1);
  assertEquals(one.backplane.counters.peers, 1);
  await other[Symbol.asyncDispose]();
  await room.changed.until(() => room.remoteMembers.size === 0);
});

natsTest("NatsBackplane opens a room when an outage ends", async (server) => {
  await using one = await TestBackplane.open(server.url);
  const room = await one.room("lobby");
  room.publish("a");
  await room.received(1);
  await server.kill();
  const late = new TestRoom(one.backplane, "late");
  late.publish("early");
  await one.changed.until(() => one.backplane.outage !== undefined);
  await server.restart();
  await late.opened();
  await late.received(1);
  assertEquals([late.headSeq, late.texts, late.own], [0, ["early"], ["early"]]);
});

Deno.test({
  name: "NatsBackplane refuses messages that the user may not publish, and goes on",
  ignore: isNatsMissing,
  fn: async () => {
    const conf = `authorization: { users: [{
      user: ann, password: secret, permissions: { publish: { deny: "${roomSubject("red")}" } }
    }] }`;
    await using server = await NatsServer.start({ conf });
    await using one = await TestBackplane.open(`nats://ann:secret@127.0.0.1:${server.port}`);
    const [red, blue] = [await one.room("red"), await one.room("blue")];
    red.publish("a");
    blue.publish("b");
    await red.changed.until(() => red.refused.length > 0);
    await blue.received(1);
    assertEquals([red.refused, blue.texts, one.outageChanges], [["a"], ["b"], 0]);
  },
});
