import { configure, reset } from "@logtape/logtape";
import { connect } from "@nats-io/transport-node";
import { assertEquals } from "@std/assert";
import { Presence } from "../../../lib/chat/presence.ts";
import { roomToken } from "../../../lib/cluster/room_token.ts";
import { isNatsMissing, NatsCluster, NatsServer } from "../nats_server.ts";
import { PresenceNode } from "../presence_node.ts";

/** A time to live that ends while a test waits for it. */
const SHORT_TTL_MS = 300;

test("tells other nodes who joins, has a new name, and leaves", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  await using c = await PresenceNode.start(server, "c");
  const [atA, atB, atC] = await Promise.all([a, b, c].map((node) => node.open("Zürich")));
  atA!.join({ 1: "Ann", 2: "Bob" });
  await Promise.all([atB!.shows("Ann", "Bob"), atC!.shows("Ann", "Bob")]);
  atA!.join({ 1: "Anna" });
  atB!.join({ 3: "Cem" });
  await Promise.all([atB!.shows("Anna", "Bob"), atC!.shows("Anna", "Bob", "Cem")]);
  atA!.leave("1", "2");
  await Promise.all([atB!.shows(), atC!.shows("Cem"), atA!.shows("Cem")]);
});

test("tells nothing of other rooms, and of its own members", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  const rooms = [await a.open("x"), await b.open("x"), await b.open("y"), await a.open("z")];
  const [xAtA, xAtB, yAtB, zAtA] = rooms;
  zAtA!.join({ 1: "Ann" });
  yAtB!.join({ 2: "Bob" });
  xAtA!.join({ 3: "Cem" });
  await xAtB!.shows("Cem");
  xAtB!.join({ 4: "Dan" });
  await xAtA!.shows("Dan");
  assertEquals(rooms.map((room) => room!.changes), [["+Dan"], ["+Cem"], [], []]);
});

test("lets a member with a new name leave and join in one turn", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  // Presence counts a member that leaves and joins before it is asked as joined again only.
  const presence = new Presence();
  const sizes: number[] = [];
  const renamed = Promise.withResolvers<void>();
  await b.exchange.open("x", {
    localMembers: [],
    localMemberCount: 0,
    onJoined: (members) => {
      members.forEach((member) => presence.add(member));
      if (members[0]!.name === "Anna") renamed.resolve();
    },
    onLeft: (members) => {
      members.forEach((member) => presence.remove(member));
      queueMicrotask(() => sizes.push(presence.size));
    },
  });
  const atA = await a.open("x");
  atA.join({ 1: "Ann" });
  atA.join({ 1: "Anna" });
  await renamed.promise;
  assertEquals(presence.list(), [{ id: "1", name: "Anna" }]);
  assertEquals(sizes, [1]);
});

test("has told a room the members at other nodes when it is open", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  const atA = await a.open("x");
  atA.join({ 1: "Ann" });
  const atB = await b.open("x", { 2: "Bob" });
  assertEquals(atB.names, ["Ann"]);
  await atA.shows("Bob");
});

test("takes a node for gone when its connection was closed without a goodbye", async (server) => {
  await using a = await PresenceNode.start(server, "a", SHORT_TTL_MS);
  await using b = await PresenceNode.start(server, "b", SHORT_TTL_MS);
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  atB.join({ 1: "Ann" });
  await atA.shows("Ann");
  await b.connection.close();
  await atA.shows();
  await a.hasPeers(0);
});

test("says goodbye", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  atB.join({ 1: "Ann" });
  await atA.shows("Ann");
  await b.exchange[Symbol.asyncDispose]();
  await atA.shows();
  await a.hasPeers(0);
});

test("asks a node that comes back", async (server) => {
  await using a = await PresenceNode.start(server, "a", SHORT_TTL_MS);
  await using b = await PresenceNode.start(server, "b", SHORT_TTL_MS);
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  atB.join({ 1: "Ann" });
  await atA.shows("Ann");
  tell(a, "chorus.nodes", { type: "bye", node: "b" });
  await atA.shows();
  await atA.shows("Ann");
});

test("asks when it has missed a change in a room", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  atB.join({ 1: "Ann", 2: "Bob" });
  await atA.shows("Ann", "Bob");
  atB.addUntold({ 1: "Anna", 3: "Cem" });
  tell(a, roomSubject("x"), { node: "b", n: 99, joined: [["4", "Dan"]], left: [] });
  await atA.shows("Anna", "Bob", "Cem");
  assertEquals(atA.changes, ["+Ann", "+Bob", "-Ann", "+Anna", "+Cem"]);
  atB.leave("2");
  await atA.shows("Anna", "Cem");
});

test("asks when it has missed a sign of life", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  const [atA, atB, _y] = [await a.open("x"), await b.open("x"), await b.open("y")];
  atB.join({ 1: "Ann" });
  await atA.shows("Ann");
  atB.addUntold({ 2: "Bob" });
  tell(a, "chorus.nodes", { type: "here", node: "b", beat: 1000 });
  await atA.shows("Ann", "Bob");
  // A room that is not open there any more.
  b.exchange.close("x");
  tell(a, "chorus.nodes", { type: "here", node: "b", beat: 1000 });
  await atA.shows();
});

test("tells all members of a room that was closed and is opened again", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  atB.join({ 1: "Ann" });
  await atA.shows("Ann");
  b.exchange.close("x");
  const again = await b.open("x", { 2: "Bob" });
  await atA.shows("Bob");
  again.join({ 3: "Cem" });
  await atA.shows("Bob", "Cem");
});

test("tells that nobody is left in a room when it is closed", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  atB.join({ 1: "Ann" });
  await atA.shows("Ann");
  atB.removeUntold("1");
  b.exchange.close("x");
  await atA.shows();
});

test("knows all members again after a restart of NATS, and took none for gone", async (server) => {
  // Shorter than the outage, and longer than one node may need to reconnect after the other.
  const ttlMs = 600;
  await using a = await PresenceNode.start(server, "a", ttlMs);
  await using b = await PresenceNode.start(server, "b", ttlMs);
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  atA.join({ 1: "Ann" });
  atB.join({ 2: "Bob" });
  await Promise.all([atA.shows("Bob"), atB.shows("Ann")]);
  await server.kill();
  atA.join({ 3: "Cem" });
  atB.leave("2");
  await a.hasTried(15);
  await server.restart();
  await Promise.all([atA.shows(), atB.shows("Ann", "Cem")]);
  assertEquals(atB.changes, ["+Ann", "+Cem"]);
});

test("tells thousands of members in parts", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  await using watcher = await connect({ servers: server.url });
  let maxBytes = 0;
  watcher.subscribe("chorus.presence.>", {
    callback: (_error, { data }) => {
      maxBytes = Math.max(maxBytes, data.length);
    },
  });
  await watcher.flush();
  const many = Object.fromEntries(
    Array.from({ length: 5000 }, (_, index) => [crypto.randomUUID(), `${"é".repeat(50)} ${index}`]),
  );
  const names = Object.values(many);
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  atA.join({ 1: "Ann" });
  atA.join(many);
  await atB.shows("Ann", ...names);
  b.exchange.close("x");
  const again = await b.open("x");
  await again.shows("Ann", ...names);
  atA.leave(...Object.keys(many));
  await again.shows("Ann");
  await watcher.flush();
  assertEquals(maxBytes > 100_000 && maxBytes <= 512 * 1024, true, `${maxBytes} bytes`);
});

test("lists the rooms of other nodes in pages", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  await using c = await PresenceNode.start(server, "c");
  // In the order of their UTF-8: U+FF21 is before U+1D538, unlike in UTF-16.
  const names = ["a", "b", "c", "d", "Ａ", "𝔸", "𝔸𝔹"];
  for (const [index, name] of names.entries()) {
    if (index % 2 === 0) await b.open(name, { 1: "Ann", 2: "Bob" });
    if (index % 3 === 0) await c.open(name, { 3: "Cem" });
  }
  for (const name of ["a", "empty"]) await a.open(name, { 4: "Dan" });
  await c.open("empty");
  const expected = names
    .map((room, index) => ({
      room,
      memberCount: 2 * Number(index % 2 === 0) + Number(index % 3 === 0),
    }))
    .filter(({ memberCount }) => memberCount > 0);
  for (const limit of [1, 2, 3, 100]) {
    const listed: unknown[] = [];
    for (let after = "";;) {
      const page = await a.exchange.rooms(after, limit);
      listed.push(...page);
      if (page.length < limit) break;
      after = page.at(-1)!.room;
    }
    assertEquals(listed, expected, `${limit} at a time`);
  }
  assertEquals(await a.exchange.rooms("𝔸𝔹".padEnd(10_000, "x"), 9), []);
  assertEquals(await a.exchange.rooms("x".repeat(10_000), 9), expected.slice(-2));
});

test("lists the rooms of the nodes that answer when one does not", async (server) => {
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  await b.open("x", { 1: "Ann" });
  await a.open("x");
  tell(b, "chorus.nodes", { type: "here", node: "silent", beat: 1 });
  await a.hasPeers(2);
  assertEquals(await a.exchange.rooms("", 9), [{ room: "x", memberCount: 1 }]);
  // A node that ends is not waited for, nor is any when this one ends.
  const listing = a.exchange.rooms("", 9);
  await a.exchange[Symbol.asyncDispose]();
  await listing;
  assertEquals(await a.exchange.rooms("", 9), []);
});

test("ignores malformed messages, and warns once", async (server) => {
  const warnings: string[] = [];
  await configure({
    reset: true,
    sinks: { test: ({ category, rawMessage }) => warnings.push(`${category[1]}: ${rawMessage}`) },
    loggers: [
      { category: "test", lowestLevel: "warning", sinks: ["test"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["test"] },
    ],
  });
  await using a = await PresenceNode.start(server, "a");
  await using b = await PresenceNode.start(server, "b");
  const [atA, atB] = [await a.open("x"), await b.open("x")];
  const node = "b";
  const delta = { node, n: 1, joined: [], left: [] };
  const part = { room: "x", n: 1, part: 0, last: true, members: [["9", "Eve"]] };
  for (
    const payload of [
      ...["", "{", "null", "[]", '"text"', "7", "\u0000".repeat(100), "[".repeat(100_000)],
      ...[{}, { node }, { ...delta, node: "b c" }, { ...delta, node: "" }, { ...delta, node: 7 }],
      ...[{ ...delta, n: -1 }, { ...delta, n: 1.5 }, { ...delta, n: "1" }, { ...delta, left: {} }],
      ...[{ ...delta, joined: [["9"]] }, { ...delta, joined: [["9", ""]] }],
      ...[{ ...delta, left: [9] }, { ...delta, left: [null] }],
      ...[{ ...delta, joined: [["x".repeat(1000), "Eve"]] }, { ...delta, joined: "Eve" }],
      ...[{ node, snapshots: [part] }, { node, snapshots: {}, end: true }],
      ...[{ ...part, part: -1 }, { ...part, last: 1 }, { ...part, members: [["9", 7]] }, null]
        .map((each) => ({ node, snapshots: [each], end: false })),
      ...[{ type: "ask", node, to: ">" }, { type: "ask", node, room: 7 }, { type: "here", node }],
      { type: "other", node },
      { type: "rooms", node, request: 1, after: null, limit: 1 },
      { node, request: 1, rooms: [["x", -1]], last: true },
    ]
  ) {
    for (const subject of ["chorus.nodes", "chorus.presence.to.a", roomSubject("x")]) {
      tell(b, subject, payload);
    }
  }
  // Parts that do not follow each other.
  const snapshots = [{ ...part, part: 1 }, { ...part, last: false }];
  tell(b, "chorus.presence.to.a", { node, snapshots, end: false });
  atB.join({ 1: "Ann" });
  await atA.shows("Ann");
  assertEquals(atA.changes, ["+Ann"]);
  // It also hears its own messages to all nodes.
  await b.connection.flush();
  const warning = "Ignored a malformed message about presence from NATS";
  assertEquals(warnings.sort(), [`a: ${warning}`, `b: ${warning}`]);
  await reset();
});

Deno.test({
  name: "PresenceExchange works between the servers of a cluster",
  ignore: isNatsMissing,
  fn: async () => {
    await using cluster = await NatsCluster.start({ size: 3 });
    const [first, second] = cluster.servers;
    await using a = await PresenceNode.start(first!, "a");
    await using b = await PresenceNode.start(second!, "b");
    const [atA, atB] = [await a.open("x"), await b.open("x")];
    atA.join({ 1: "Ann" });
    await atB.shows("Ann");
    await second!.restart();
    atA.join({ 2: "Bob" });
    atB.join({ 3: "Cem" });
    await Promise.all([atB.shows("Ann", "Bob"), atA.shows("Cem")]);
  },
});

function test(title: string, run: (server: NatsServer) => Promise<void>): void {
  Deno.test({
    name: `PresenceExchange ${title}`,
    ignore: isNatsMissing,
    fn: async () => {
      await using server = await NatsServer.start();
      await run(server);
    },
  });
}

function tell({ connection }: PresenceNode, subject: string, payload: unknown): void {
  connection.publish(subject, typeof payload === "string" ? payload : JSON.stringify(payload));
}

function roomSubject(room: string): string {
  return `chorus.presence.${roomToken(room)}`;
}
