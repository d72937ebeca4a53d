import { assert, assertEquals } from "@std/assert";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { StreamedMessage } from "../../lib/chat/backplane.ts";
import { encodeFlush, type FlushHead, streamSeqOf } from "../../lib/cluster/stream/flush.ts";
import { roomSubject } from "../../lib/cluster/stream/room_subject.ts";
import { NatsProxy } from "./nats_proxy.ts";
import { isNatsMissing, NatsServer } from "./nats_server.ts";
import { publication, TestBackplane, type TestRoom, textOf } from "./test_room.ts";

/** A NATS server with a backplane, and a connection to publish anything. */
class Setup {
  readonly server: NatsServer;
  readonly one: TestBackplane;
  readonly #connection: NatsConnection;

  constructor(server: NatsServer, one: TestBackplane, connection: NatsConnection) {
    this.server = server;
    this.one = one;
    this.#connection = connection;
  }

  /** Publishes anything. Returns its place in the stream. */
  async publishRaw(room: string, payload: Uint8Array): Promise<number> {
    return (await jetstream(this.#connection).publish(roomSubject(room), payload)).seq;
  }

  /** Removes the messages up to a sequence number, as retention does. */
  async purge(room: string, upTo: number): Promise<void> {
    const manager = await jetstreamManager(this.#connection);
    const seq = streamSeqOf(upTo) + 1;
    await manager.streams.purge("chorus", { filter: roomSubject(room), seq });
  }

  /** Whether the flush of a message is stored. */
  async isStored(seq: number): Promise<boolean> {
    const manager = await jetstreamManager(this.#connection);
    const stored = await manager.streams.getMessage("chorus", { seq: streamSeqOf(seq) });
    return stored !== null;
  }

  /** Publishes a flush as another process would, whatever it has received. */
  publishFlush(
    room: string,
    messages: readonly (readonly [text: string, id: string])[],
    head: Partial<FlushHead> = {},
  ): Promise<number> {
    const { epoch } = this.one.backplane;
    const flush = { epoch, node: "other", number: 1, after: 0, tail: 1, ...head };
    const publications = messages.map(([text, id]) => publication(text, { id }));
    return this.publishRaw(room, encodeFlush(flush, publications));
  }
}

function historyTest(name: string, run: (setup: Setup) => Promise<void>): void {
  Deno.test({
    name,
    ignore: isNatsMissing,
    fn: async () => {
      await using server = await NatsServer.start();
      await using one = await TestBackplane.open(server.url);
      const connection = await connect({ servers: server.url });
      try {
        await run(new Setup(server, one, connection));
      } finally {
        await connection.close();
      }
    },
  });
}

/** Publishes texts, each in a flush of its own. */
async function publishEach(room: TestRoom, from: number, to: number): Promise<void> {
  for (let index = from; index <= to; index++) {
    const count = room.tail.length + room.messages.length;
    room.publish(`m${index}`);
    await room.received(count + 1);
  }
}

function bodies(messages: readonly StreamedMessage[]): string[] {
  return messages.map(textOf);
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `m${from + index}`);

historyTest("NatsRoomStream marks duplicates that the publisher did not know", async (setup) => {
  const { one, server } = setup;
  const room = await one.room("lobby");
  const first = 4096 * await setup.publishFlush("lobby", [["a", "1"], ["b", "2"]]);
  // This process has not received the first flush.
  await setup.publishFlush("lobby", [["c", "3"], ["a", "1"], ["c", "3"]], { number: 2 });
  // This one has: its own room knows the id.
  await setup.publishFlush("lobby", [["a", "1"]], { number: 3, after: first + 1 });
  await room.received(6);
  // The last flush was encoded before the second one arrived, which has the id, too.
  assertEquals(
    room.messages.map(({ duplicateOf }) => duplicateOf),
    [undefined, undefined, undefined, first, first + 4096, first + 4097],
  );
  assertEquals(room.texts, ["a", "b", "c"]);

  await using other = await TestBackplane.open(server.url);
  const opened = await other.room("lobby");
  assertEquals(opened.texts, room.texts);
  assertEquals(bodies((await opened.stream.read(0, 10, 1000)).messages), ["a", "b", "c"]);
  // The first flush is before the page.
  const page = await opened.stream.read(first + 4096, 10, 1000);
  assertEquals([page.messages, page.hasGap, page.lastSeq], [[], false, opened.headSeq]);
});

historyTest("NatsRoomStream reads stored messages page by page", async ({ one }) => {
  const room = await one.room("lobby");
  const other = await one.room("other");
  for (let start = 1; start <= 300; start += 15) {
    room.publish(...range(start, start + 14));
    other.publish("between");
    await Promise.all([room.received(start + 14), other.received(Math.ceil(start / 15))]);
  }
  const all = room.messages;
  for (const limit of [1, 7, 15, 100, 1000]) {
    const read: StreamedMessage[] = [];
    for (let after = 0; read.length < 300;) {
      const page = await room.stream.read(after, limit, 1_000_000);
      assertEquals(page.hasGap, false);
      assert(page.messages.length > 0 && page.messages.length <= limit);
      read.push(...page.messages);
      after = page.lastSeq;
    }
    assertEquals(read, all);
    const end = await room.stream.read(all.at(-1)!.seq, limit, 1_000_000);
    assertEquals(end, { messages: [], hasGap: false, lastSeq: all.at(-1)!.seq });
  }
  for (const index of [0, 14, 15, 100, 298]) {
    const page = await room.stream.read(all[index]!.seq, 20, 1_000_000);
    assertEquals([page.hasGap, page.messages], [false, all.slice(index + 1, index + 21)]);
  }
  assertEquals((await room.stream.read(0, 100, 5)).messages, all.slice(0, 3));
});

historyTest("NatsRoomStream reads backwards", async ({ one, server }) => {
  const room = await one.room("lobby");
  await publishEach(room, 1, 350);
  await using later = await TestBackplane.open(server.url);
  const opened = await later.room("lobby");
  const all = room.messages;
  for (const [index, limit] of [[349, 1], [349, 350], [200, 150], [50, 100], [0, 5]] as const) {
    const before = await opened.stream.readBefore(all[index]!.seq, limit);
    assertEquals(before, all.slice(Math.max(0, index + 1 - limit), index + 1));
    const justBefore = await opened.stream.readBefore(all[index]!.seq - 1, limit);
    assertEquals(justBefore, all.slice(Math.max(0, index - limit), index));
  }
});

historyTest("NatsRoomStream tells a gap where messages were purged", async (setup) => {
  const { one } = setup;
  const room = await one.room("lobby");
  await publishEach(room, 1, 10);
  const seqs = room.messages.map(({ seq }) => seq);
  await setup.purge("lobby", seqs[3]!);
  const read = async (after: number) => {
    const { messages, hasGap } = await room.stream.read(after, 100, 1000);
    return [hasGap, ...bodies(messages)];
  };
  assertEquals(await read(0), [true, ...range(5, 10)]);
  assertEquals(await read(seqs[2]!), [true, ...range(5, 10)]);
  assertEquals(await read(seqs[3]!), [false, ...range(5, 10)]);
  assertEquals(await read(seqs[4]!), [false, ...range(6, 10)]);
  assertEquals(bodies(await room.stream.readBefore(seqs[5]!, 10)), ["m5", "m6"]);
  await setup.purge("lobby", seqs[9]!);
  assertEquals(await read(seqs[8]!), [true]);
  assertEquals(await read(seqs[9]!), [false]);
  assertEquals(await room.stream.readBefore(seqs[9]!, 10), []);
  assertEquals((await one.backplane.rooms("", 10)).map(({ room }) => room), []);
  await publishEach(room, 11, 11);
  assertEquals(await read(seqs[9]!), [false, "m11"]);
  assertEquals(room.gaps, []);
});

historyTest("NatsRoomStream deletes the messages of a room for all", async ({ one, server }) => {
  await using other = await TestBackplane.open(server.url);
  const [room, reader] = [await one.room("lobby"), await other.room("lobby")];
  await publishEach(room, 1, 10);
  await room.stream.delete();
  await reader.changed.until(() => reader.deletions === 1);
  assertEquals([room.deletions, reader.messages.length], [1, 10]);
  await publishEach(room, 11, 12);
  await reader.received(12);
  await using later = await TestBackplane.open(server.url);
  const opened = await later.room("lobby");
  assertEquals([opened.texts, opened.hasOlder], [range(11, 12), true]);
  for (const { stream } of [room, reader, opened]) {
    assertEquals(bodies((await stream.read(0, 100, 1000)).messages), range(11, 12));
    assertEquals(bodies(await stream.readBefore(opened.headSeq!, 100)), range(11, 12));
  }
  assertEquals((await other.backplane.rooms("", 10)).map(({ room }) => room), ["lobby"]);
});

historyTest(
  "NatsRoomStream tells a gap before a flush whose publisher knew more",
  async (setup) => {
    const room = await setup.one.room("lobby");
    const seq = await setup.publishFlush("other", [["x", "1"]]);
    const after = 4096 * seq;
    await setup.publishFlush("lobby", [["a", "1"]], { after });
    await room.received(1);
    assertEquals([room.gaps, room.texts], [[after], ["a"]]);
  },
);

historyTest(
  "NatsRoomStream tells no gap where messages were gone before it was open",
  async (setup) => {
    const { one, server } = setup;
    const room = await one.room("lobby");
    await publishEach(room, 1, 2);
    await setup.purge("lobby", room.messages.at(-1)!.seq);
    await using later = await TestBackplane.open(server.url);
    const opened = await later.room("lobby");
    await publishEach(room, 3, 3);
    await opened.received(1);
    assertEquals([opened.headSeq, opened.gaps, opened.texts], [0, [], ["m3"]]);
  },
);

historyTest(
  "NatsBackplane.heads() tells which rooms have no messages after their deletion",
  async (setup) => {
    const { one } = setup;
    for (const name of ["a", "b", "c"]) {
      const room = await one.room(name);
      await publishEach(room, 1, 2);
      if (name !== "c") await room.stream.delete();
      if (name === "b") await publishEach(room, 3, 3);
    }
    const heads = await one.backplane.heads(["a", "b", "c"]);
    assertEquals(heads.map(({ hasMessages }) => hasMessages), [false, true, true]);
  },
);

historyTest("NatsRoomStream skips what is not a flush of its epoch", async (setup) => {
  const { one, server } = setup;
  const room = await one.room("lobby");
  await setup.publishRaw("lobby", new TextEncoder().encode("anything"));
  await setup.publishFlush("lobby", [["stale", "1"]], { epoch: "stale" });
  room.publish("a");
  await room.received(1);
  await setup.publishRaw("lobby", new Uint8Array());
  await room.stream.caughtUp();
  assertEquals([room.texts, room.gaps], [["a"], []]);
  await using later = await TestBackplane.open(server.url);
  const opened = await later.room("lobby");
  assertEquals([opened.texts, opened.headSeq], [["a"], room.messages[0]!.seq]);
});

historyTest(
  "NatsRoomStream is caught up when it has what the stream had",
  async (setup) => {
    const { one, server } = setup;
    await using other = await TestBackplane.open(server.url);
    const [room, reader] = [await one.room("lobby"), await other.room("lobby")];
    for (let index = 1; index <= 20; index++) {
      await publishEach(room, index, index);
      await reader.stream.caughtUp();
      assertEquals(reader.texts.length, index);
    }
    await setup.purge("lobby", room.messages.at(-1)!.seq);
    await Promise.all([reader.stream.caughtUp(), room.stream.caughtUp()]);
  },
);

historyTest("NatsBackplane begins a new epoch when the stream is deleted", async (setup) => {
  const { one, server } = setup;
  await using other = await TestBackplane.open(server.url);
  const rooms = [await one.room("lobby"), await other.room("lobby")];
  await publishEach(rooms[0]!, 1, 3);
  const connection = await connect({ servers: server.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.delete("chorus");
  await connection.close();
  await Promise.all([one, other].map((each) => each.changed.until(() => each.newEpochs === 1)));
  assertEquals(one.backplane.epoch, other.backplane.epoch);
  await Promise.all(
    [one, other].map((each) => each.changed.until(() => each.backplane.outage === undefined)),
  );
  const [next, reader] = [await one.room("lobby"), await other.room("lobby")];
  await publishEach(next, 1, 2);
  await reader.received(2);
  assertEquals([reader.texts, streamSeqOf(reader.messages[1]!.seq)], [["m1", "m2"], 2]);
});

historyTest(
  "NatsRoomStream tells a gap where a flush was purged whose publisher had not received another",
  async (setup) => {
    const { one, server } = setup;
    const room = await one.room("lobby");
    await publishEach(room, 1, 2);
    const [first, second] = room.messages.map(({ seq }) => seq);
    // Two other processes publish at once.
    await setup.publishFlush("lobby", [["lost", "1"]], { number: 2, after: second! });
    await setup.publishFlush("lobby", [["late", "2"]], { number: 3, after: second! });
    await room.received(4);
    await setup.purge("lobby", room.messages[2]!.seq);
    await using later = await TestBackplane.open(server.url);
    for (const { stream } of [room, await later.room("lobby")]) {
      for (const after of [first!, second!]) {
        const page = await stream.read(after, 100, 1000);
        assertEquals([page.hasGap, ...bodies(page.messages)], [true, "late"]);
      }
    }
    const page = await room.stream.read(room.messages[2]!.seq, 100, 1000);
    assertEquals([page.hasGap, ...bodies(page.messages)], [false, "late"]);
  },
);

historyTest("NatsRoomStream tells a gap between two pages", async (setup) => {
  const room = await setup.one.room("lobby");
  await publishEach(room, 1, 2);
  const after = room.messages[1]!.seq;
  for (let number = 1; number <= 200; number++) {
    await setup.publishFlush("lobby", [[`n${number}`, `${number}`]], { number, after });
  }
  await room.received(202);
  const first = await room.stream.read(0, 4, 1_000_000);
  assertEquals([first.hasGap, ...bodies(first.messages)], [false, "m1", "m2", "n1", "n2"]);
  // The reader of the page has fetched some of these.
  await setup.purge("lobby", room.messages[150]!.seq);
  const rest = await room.stream.read(first.lastSeq, 1000, 1_000_000);
  assertEquals([rest.hasGap, bodies(rest.messages).at(-1)], [true, "n200"]);
});

historyTest(
  "NatsRoomStream marks a message whose id the publisher's own process has stored",
  async (setup) => {
    const { one, server } = setup;
    await using other = await TestBackplane.open(server.url);
    const [room, reader] = [await one.room("lobby"), await other.room("lobby")];
    room.publish("m1");
    room.stream.publish(publication("a", { id: "1" }));
    await room.received(2);
    room.stream.publish(publication("b", { id: "2" }));
    await room.received(3);
    // The chat has forgotten the id, as its log is small.
    room.stream.publish(publication("a", { id: "1" }));
    room.stream.publish(publication("c", { id: "3" }));
    await room.received(5);
    await reader.received(5);
    await using later = await TestBackplane.open(server.url);
    for (const each of [room, reader, await later.room("lobby")]) {
      const all = [...each.tail, ...each.messages];
      const first = all[1]!.seq;
      const marks = all.map(({ duplicateOf }) => duplicateOf);
      assertEquals(marks, [undefined, undefined, undefined, first, undefined]);
    }
  },
);

historyTest(
  "NatsRoomStream hides what a deletion could not purge, and purges it later",
  async (setup) => {
    const { one, server } = setup;
    const room = await one.room("lobby");
    await publishEach(room, 1, 3);
    const [first] = room.messages;
    const after = room.messages[2]!.seq;
    // As a process does that is killed before it purges.
    await setup.publishFlush("lobby", [["", ""]], { number: 2, after, tail: 1, isDeletion: true });
    await room.changed.until(() => room.deletions === 1);
    assertEquals(await room.stream.readBefore(after + 4096, 10), []);
    const page = await room.stream.read(first!.seq, 1, 1000);
    assertEquals([page.messages, page.hasGap], [[], true]);

    await using later = await TestBackplane.open(server.url);
    const opened = await later.room("lobby");
    assertEquals(opened.texts, []);
    assertEquals(await opened.stream.readBefore(opened.headSeq!, 10), []);
    const again = await opened.stream.read(first!.seq, 1, 1000);
    assertEquals([again.messages, again.hasGap], [[], true]);
    while (await setup.isStored(first!.seq)) await opened.stream.caughtUp();
  },
);

historyTest("NatsBackplane times each flush", async ({ one }) => {
  const room = await one.room("lobby");
  await publishEach(room, 1, 50);
  const { counts } = one.backplane.counters.ackSeconds;
  while (counts.reduce((sum, count) => sum + count) < 50) await room.stream.caughtUp();
});

historyTest(
  "NatsRoomStream tells a gap if messages were purged while it could not read",
  async (setup) => {
    const { one, server } = setup;
    await using proxy = NatsProxy.start(server.port);
    await using other = await TestBackplane.open(proxy.url);
    const [room, reader] = [await one.room("lobby"), await other.room("lobby")];
    const quiet = [await one.room("quiet"), await other.room("quiet")];
    for (const each of [room, quiet[0]!]) await publishEach(each, 1, 1);
    await Promise.all([reader, quiet[1]!].map((each) => each.received(1)));
    await proxy.cut();
    // Two other processes publish at once.
    const after = room.messages[0]!.seq;
    const lost = await setup.publishFlush("lobby", [["lost", "1"]], { number: 2, after });
    const late = await setup.publishFlush("lobby", [["late", "2"]], { number: 3, after });
    await publishEach(quiet[0]!, 2, 3);
    await setup.purge("lobby", lost * 4096);
    proxy.heal();
    await Promise.all([reader.received(2), quiet[1]!.received(3)]);
    assertEquals([reader.texts, reader.gaps], [["m1", "late"], [late * 4096 - 1]]);
    assertEquals(quiet[1]!.gaps, []);
    const page = await reader.stream.read(after, 10, 1000);
    assertEquals([page.hasGap, ...bodies(page.messages)], [true, "late"]);
    await publishEach(room, 2, 2);
    await reader.received(3);
    assertEquals(reader.gaps.length, 1);
  },
);

historyTest("NatsRoomStream marks no duplicate of a message that was deleted", async (setup) => {
  const { one } = setup;
  const room = await one.room("lobby");
  const after = 4096 * await setup.publishFlush("lobby", [["a", "1"]]);
  const deletion = { number: 2, after, tail: 1, isDeletion: true };
  await setup.publishFlush("lobby", [["", ""]], deletion);
  // This message waited at its publisher. The first one is still stored.
  await setup.publishFlush("lobby", [["a", "1"]], { number: 3, after, comparedUpTo: 0 });
  await room.received(2);
  assertEquals(room.texts, ["a", "a"]);
});
