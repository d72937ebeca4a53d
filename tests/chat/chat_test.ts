import { getLogger } from "@logtape/logtape";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers";
import { OPEN_ACCESS } from "../../lib/chat/access.ts";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import { Chat } from "../../lib/chat/chat.ts";
import type { ChatConfig } from "../../lib/chat/chat_options.ts";
import { CLOSE_CODES, type CloseCode } from "../../lib/chat/close_code.ts";
import { type History, HistoryUnavailableError } from "../../lib/chat/history/history.ts";
import type { Member } from "../../lib/chat/members/member.ts";
import { OPCODE } from "../../lib/websocket/frame.ts";
import { MemoryBackplane, type MemoryBackplaneOptions } from "./memory_backplane.ts";
import { MemoryStream } from "./memory_stream.ts";
import { TestChat, type TestMember } from "./test_chat.ts";

const CONFIG = {
  binary: false,
  echo: false,
  greeting: "",
  logMessages: false,
  slowReader: "close",
  logRetentionBytes: 1_000_000,
  maxLogBytes: 0,
  maxRooms: 10,
  maxRoomMembers: 0,
  maxMessageBytes: 1000,
  messageRate: 0,
  byteRate: 0,
  rateBurstMs: 1000,
  ratePolicy: "pace",
  historyMessages: 0,
} as const;

/** A chat on a history, and how its connections were closed. */
function chatOn(history: Partial<History>) {
  const closed: CloseCode[] = [];
  const chat = new Chat(CONFIG, {
    logger: getLogger("test"),
    history: { sessionKey: new Uint8Array(32), epoch: "e", ...history } as History,
    defer: () => {},
    deferTurn: () => {},
    startTimer: () => {},
    startInterval: () => () => {},
    verifyToken: () => ({ message: "no tokens" }),
    readMs: () => 0,
    monotonicMs: () => 0,
    ageLimit: { range: ANY_AGE },
  });
  const join = () => {
    const owner: { member: Member | undefined } = { member: undefined };
    const close = (status: CloseCode) => {
      closed.push(status);
      if (owner.member) chat.leave(owner.member);
    };
    const wire = { sender: { deliver: () => true, sendFrames: () => {} }, close };
    const request = {
      ...{ roomName: "tea", name: null, format: "chorus.v1", session: undefined } as const,
      echo: false,
      protocol: undefined,
      since: "0123456789abcdef-1",
    };
    const id = crypto.randomUUID();
    chat.join(
      { id, wire, access: OPEN_ACCESS, address: "", requestId: undefined },
      request,
      owner,
    );
    return owner.member;
  };
  return { chat, join, closed };
}

Deno.test("Chat.join() closes a connection that cannot join, and does not throw", () => {
  const fail = () => {
    throw new Error("a bad disk");
  };
  for (const history of [{ open: fail }, { open: () => undefined, oldestSeq: fail }]) {
    const { chat, join, closed } = chatOn(history);
    assertEquals([join(), closed], [undefined, [CLOSE_CODES.historyUnavailable]]);
    assertEquals([chat.size, chat.rooms.size], [0, 0]);
  }
});

Deno.test("Chat.receive() closes a member whose message cannot be handled, and does not throw", () => {
  const { chat, join, closed } = chatOn({ open: () => undefined, oldestSeq: () => undefined });
  const member = join()!;
  member.receive = () => {
    throw new TypeError("a bug");
  };
  chat.receive(member, OPCODE.text, new Uint8Array(1), 0, 1);
  assertEquals([closed, chat.size, chat.rooms.size], [[CLOSE_CODES.internalError], 0, 0]);
});

/** A chat on a stream, with another process that has the same stream. */
function chatOnStream(options: MemoryBackplaneOptions = {}, overrides: Partial<ChatConfig> = {}) {
  const stream = new MemoryStream();
  const backplane = new MemoryBackplane(stream, options);
  const instance = new TestChat(backplane, overrides);
  const other = new TestChat(new MemoryBackplane(stream));
  const dispose = () => {
    instance[Symbol.dispose]();
    other[Symbol.dispose]();
  };
  return { stream, backplane, instance, other, chat: instance.chat, [Symbol.dispose]: dispose };
}

/** What a member has got, but for joins and leaves, which come some time later. */
function typesOf({ received }: TestMember): string[] {
  return received.map(({ type }) => type).filter((type) => type !== "joined" && type !== "left");
}

Deno.test("Chat.join() welcomes a member when its room is open, before anything else", async () => {
  using test = chatOnStream();
  await test.other.chat.publish("tea", { text: "old", name: null });
  test.backplane.isPaused = true;
  const ann = test.instance.join("tea", { last: 9 });
  ann.send(JSON.stringify({ type: "ping" }));
  for (const id of ["1", "2"]) ann.say(id, id);
  await test.other.chat.publish("tea", { text: "new", name: null });
  assertEquals([ann.received, test.chat.size], [[], 1]);
  test.backplane.isPaused = false;
  await ann.acked("2");
  assertEquals(typesOf(ann), ["welcome", "pong", "said", "said", "ack", "ack"]);
  assertEquals(ann.bodies, ["old", "new"]);
});

Deno.test("Chat.join() sends nothing to a member that leaves while its room is being opened", async () => {
  using test = chatOnStream();
  test.backplane.isPaused = true;
  const ann = test.instance.join("tea");
  const plain = test.instance.join("tea", { format: "plain" });
  const bob = test.instance.join("tea");
  plain.send("hi");
  for (const member of [ann, plain]) member.leave();
  test.backplane.isPaused = false;
  assertEquals(await bob.heard(1), ["hi"]);
  assertEquals([ann.received, plain.received, bob.welcome.memberCount], [[], [], 1]);
  // "hi" went to Bob only.
  assertEquals(test.chat.counters.deliveries, 1);
});

Deno.test("Chat.join() closes members with 1013 if their room cannot be opened", async () => {
  using test = chatOnStream();
  test.stream.openError = new HistoryUnavailableError("no stream");
  const members = [
    test.instance.join("tea"),
    test.instance.join("tea", { last: 9 }),
    test.instance.join("tea", { format: "plain" }),
  ];
  members[0]!.say("hi", "1");
  for (const member of members) await member.until(({ closeStatus }) => closeStatus);
  assertEquals(members.map(({ closeStatus }) => closeStatus?.code), [1013, 1013, 1013]);
  assertEquals([test.chat.size, test.chat.rooms.size], [0, 0]);
  await assertRejects(async () => await test.chat.rooms.isKnown("tea"), HistoryUnavailableError);
  test.stream.openError = undefined;
  assertEquals((await test.instance.join("tea").welcomed()).welcome.memberCount, 1);
});

Deno.test("Chat.publish() publishes nothing if the room cannot be opened", async () => {
  using test = chatOnStream();
  test.stream.openError = new HistoryUnavailableError("no stream");
  assertEquals(await test.chat.publish("tea", { text: "hi", name: null }), "not committed");
  test.stream.openError = undefined;
  const published = await test.chat.publish("tea", { text: "ho", name: null });
  assertEquals(published, { position: `${test.stream.epoch}-4096` });
});

Deno.test("Chat closes all members with 1012 when the stream has started over", async () => {
  using test = chatOnStream();
  const ann = await test.instance.join("tea").welcomed();
  const bob = await test.other.join("tea").welcomed();
  ann.say("hi", "1");
  const { position: since } = await ann.acked("1");
  test.backplane.isPaused = true;
  const early = test.instance.join("coffee");
  early.say("early", "1");
  const publishing = test.chat.publish("coffee", { text: "early", name: null });
  const isKnown = test.chat.rooms.isKnown("milk");
  const flushing = test.chat.rooms.flushed();
  test.stream.hold();
  ann.say("held", "2");
  test.stream.startOver();
  const members = [ann, bob, early];
  assertEquals(members.map(({ closeStatus }) => closeStatus?.code), [1012, 1012, 1012]);
  assertEquals(ann.of("error").map(({ code, id }) => [code, id]), [["not_committed", "2"]]);
  assertEquals(await publishing, "not committed");
  await assertRejects(() => Promise.resolve(isKnown), HistoryUnavailableError);
  await flushing;
  assertEquals([test.chat.size, test.chat.rooms.size], [0, 0]);
  test.stream.release();
  test.backplane.isPaused = false;
  const resumed = await test.instance.join("tea", { since, session: ann.welcome.session })
    .welcomed();
  assertEquals(resumed.welcome.you, ann.welcome.you);
  assertEquals([resumed.welcome.recovered, resumed.welcome.position], [
    false,
    `${test.stream.epoch}-0`,
  ]);
  assertEquals(resumed.of("gap").map(({ after, reason }) => [after, reason]), [
    [since, "unknown position"],
  ]);
  resumed.say("anew", "1");
  assertEquals((await resumed.acked("1")).position, `${test.stream.epoch}-4096`);
});

Deno.test("Chat tells its members of an outage, and holds their messages", async () => {
  using test = chatOnStream();
  const ann = await test.instance.join("tea").welcomed();
  const bob = await test.other.join("tea").welcomed();
  test.stream.startOutage("NATS is down");
  const late = await test.instance.join("tea").welcomed();
  for (const member of [ann, bob, late]) {
    const [status] = (await member.until((each) => each.of("status").length === 1)).of("status");
    assertEquals(status!.storing, false);
  }
  assertEquals(typesOf(late), ["welcome", "status"]);
  ann.say("held", "1");
  test.stream.endOutage();
  await ann.acked("1");
  assertEquals(await bob.heard(1), ["held"]);
  for (const member of [ann, bob, late]) {
    const statuses = (await member.until((each) => each.of("status").length === 2)).of("status");
    assertEquals(statuses.map(({ storing }) => storing), [false, true]);
  }
});

Deno.test("Chat refuses messages beyond the bound during an outage", async () => {
  using test = chatOnStream({ maxHeldBytes: 10 });
  const ann = await test.instance.join("tea").welcomed();
  const plain = test.instance.join("tea", { format: "plain", echo: true });
  plain.send("a");
  await plain.heard(1);
  test.stream.startOutage("NATS is down");
  ann.say("12345678", "1");
  ann.say("12345678", "2");
  ann.say("12345678");
  plain.send("12345678");
  assertEquals(ann.of("error").map(({ code, id }) => [code, id]), [
    ["not_committed", "2"],
    ["not_committed", undefined],
  ]);
  assertEquals([ann.member!.room.backlog, plain.closeStatus?.code], [undefined, 4013]);
  const publication = { text: "12345678", name: null };
  assertEquals(await test.chat.publish("tea", publication), "not committed");
  test.stream.endOutage();
  await ann.acked("1");
  ann.say("12345678", "2");
  await ann.acked("2");
});

Deno.test("Chat serves stored messages of a room that is being opened during an outage", async () => {
  using test = chatOnStream();
  for (let index = 0; index < 200; index++) {
    await test.other.chat.publish("tea", { text: `${index}`, name: null });
  }
  const since = `${test.stream.epoch}-${50 * 4096}`;
  test.backplane.isPaused = true;
  const ann = test.instance.join("tea", { since });
  const bob = test.instance.join("tea", { last: 10 });
  test.stream.startOutage("NATS is down");
  test.stream.endOutage();
  test.backplane.isPaused = false;
  await test.other.chat.publish("tea", { text: "end", name: null });
  assertEquals((await ann.heard(151)).length, 151);
  assertEquals((await bob.heard(11)).length, 11);
  assertEquals([ann.bodies[0], bob.bodies[0], ann.welcome.recovered], ["50", "190", true]);
  assertEquals([typesOf(ann)[0], ann.of("status")], ["welcome", []]);
});

Deno.test("Chat tells its members of messages that never arrived", async () => {
  using test = chatOnStream();
  const ann = await test.instance.join("tea").welcomed();
  const bob = await test.other.join("tea").welcomed();
  bob.say("1", "1");
  const { position } = await bob.acked("1");
  await ann.heard(1);
  test.backplane.isPaused = true;
  for (const id of ["2", "3", "4"]) {
    bob.say(id, id);
    await bob.acked(id);
  }
  test.stream.trim("tea", 1);
  test.backplane.isPaused = false;
  assertEquals(await ann.heard(2), ["1", "4"]);
  assertEquals(typesOf(ann).slice(-3), ["said", "gap", "said"]);
  const resumed = await test.instance.join("tea", { since: position }).welcomed();
  assertEquals(resumed.welcome.recovered, false);
  assertEquals([await resumed.heard(1), resumed.of("gap").length], [["4"], 1]);
});

Deno.test("Chat does not forget a room that is being opened", async () => {
  using test = chatOnStream({}, { maxRooms: 1 });
  test.backplane.isPaused = true;
  const ann = test.instance.join("tea");
  ann.say("hi");
  ann.leave();
  const bob = test.instance.join("coffee");
  test.backplane.isPaused = false;
  await bob.welcomed();
  await test.chat.rooms.flushed();
  const late = await test.other.join("tea", { last: 9 }).welcomed();
  assertEquals(await late.heard(1), ["hi"]);
});

Deno.test("Chat replays what a room that others have emptied has lost as a gap", async () => {
  using test = chatOnStream();
  const positions: string[] = [];
  for (const text of ["1", "2", "3"]) {
    const published = await test.other.chat.publish("tea", { text, name: null });
    assert(typeof published === "object");
    positions.push(published.position);
  }
  test.stream.trim("tea", 0);
  const bob = await test.instance.join("tea").welcomed();
  bob.say("4", "4");
  await bob.acked("4");
  const ann = await test.instance.join("tea", { since: positions[0] }).welcomed();
  assertEquals(await ann.heard(1), ["4"]);
  assertEquals([ann.welcome.recovered, ann.of("gap").length], [false, 1]);
});

Deno.test("Rooms.delete() deletes what another process published, before it has come here", async () => {
  using test = chatOnStream();
  const { rooms } = test.chat;
  assertEquals(await rooms.isKnown("tea"), false);
  test.backplane.isPaused = true;
  await test.other.chat.publish("tea", { text: "hi", name: null });
  const deletion = rooms.delete("tea");
  await new Promise(setImmediate);
  test.backplane.isPaused = false;
  assertEquals(await deletion, true);
  assertEquals(await rooms.isKnown("tea"), false);
});

Deno.test("Rooms.delete() does not call a room unknown during an outage", async () => {
  using test = chatOnStream();
  const { rooms } = test.chat;
  assertEquals(await rooms.isKnown("tea"), false);
  test.stream.startOutage("NATS is down");
  await assertRejects(() => rooms.delete("tea"), HistoryUnavailableError, "NATS is down");
});

Deno.test("StreamHistory.seqOf() knows a position of a message that has not come here yet", async () => {
  using test = chatOnStream();
  await test.chat.rooms.within("tea", async ({ opened, history }) => {
    await opened;
    test.backplane.isPaused = true;
    const published = await test.other.chat.publish("tea", { text: "hi", name: null });
    assert(typeof published === "object");
    const seq = history.seqOf(published.position);
    await new Promise(setImmediate);
    test.backplane.isPaused = false;
    assertEquals(history.positionOf((await seq)!), published.position);
    assertEquals(await history.seqOf(`${published.position}0`), undefined);
  });
});
