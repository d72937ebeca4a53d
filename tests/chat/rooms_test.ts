import { assert, assertEquals, assertThrows } from "@std/assert";
import { setImmediate } from "node:timers";
import { ChorusMember } from "../../lib/chat/members/chorus_member.ts";
import { packBodies } from "../../lib/chat/history/packed_bodies.ts";
import { encodeFrames } from "../../lib/chat/log/frames.ts";
import { type History, HistoryUnavailableError } from "../../lib/chat/history/history.ts";
import { PlainMember } from "../../lib/chat/members/plain_member.ts";
import type { Room } from "../../lib/chat/room.ts";
import { Rooms, type RoomsOptions } from "../../lib/chat/rooms.ts";
import { SqliteHistory } from "../../lib/history/sqlite_history.ts";
import type { Wire } from "../../lib/chat/members/wire.ts";
import { eachFrame } from "../../lib/websocket/frame.ts";
import { ROOM_OPTIONS } from "./room_options.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ANONYMOUS = { id: null, name: null };

function roomsOf(bounds: Partial<RoomsOptions> = {}): Rooms {
  return new Rooms({
    ...ROOM_OPTIONS,
    history: undefined,
    maxRooms: 3,
    maxLogBytes: Infinity,
    ...bounds,
  });
}

/** A history without messages, which commits at once unless the test says otherwise. */
function fakeHistory(overrides: Partial<History>): History {
  return {
    epoch: "e",
    open: () => undefined,
    oldestSeq: () => undefined,
    seqOf: () => undefined,
    append: () => Promise.resolve(),
    ...overrides,
  } as unknown as History;
}

/** Adds a member to a room. Returns the function that removes it. */
function join(rooms: Rooms, name: string, onDelivered = () => {}): () => void {
  const deliver = () => (onDelivered(), true);
  const wire = { deliver, sendFrames: () => {}, close: () => {} };
  return rooms.within(name, (room) => {
    const member = new PlainMember({ id: "a", author: { id: "a", name: null }, room, wire });
    room.join(member);
    member.start(room.history.headSeq);
    return () => {
      room.leave(member);
      rooms.settle(room);
    };
  });
}

function publish(rooms: Rooms, name: string, length = 10): Room {
  return rooms.within(name, (room) => {
    room.publishText("x".repeat(length), ANONYMOUS, {});
    return room;
  });
}

Deno.test("a room without messages is forgotten with its last member", () => {
  const rooms = roomsOf();
  const leave = join(rooms, "tea");
  assertEquals(rooms.size, 1);
  leave();
  assertEquals([rooms.size, rooms.isKnown("tea")], [0, false]);
  rooms.within("tea", () => {});
  assertEquals(rooms.size, 0);
});

Deno.test("a room with messages stays and is the same for the next member", () => {
  const rooms = roomsOf();
  const room = publish(rooms, "tea");
  join(rooms, "tea")();
  assertEquals([rooms.size, rooms.isKnown("tea")], [1, true]);
  assert(rooms.within("tea", (found) => found === room));
});

Deno.test("the room that has been empty for the longest time is forgotten for a new one", () => {
  const rooms = roomsOf();
  for (const name of ["one", "two", "three"]) publish(rooms, name);
  // A member joins "one" and leaves, so "two" has been empty for the longest time.
  join(rooms, "one")();
  publish(rooms, "four");
  assertEquals(rooms.names("", 10), ["four", "one", "three"]);
});

Deno.test("a room with members is not forgotten for a new one", () => {
  const rooms = roomsOf();
  const leaves = ["one", "two", "three"].map((name) => {
    publish(rooms, name);
    return join(rooms, name);
  });
  assertEquals([rooms.hasCapacityFor("four"), rooms.hasCapacityFor("one")], [false, true]);
  leaves[1]!();
  assertEquals(rooms.hasCapacityFor("four"), true);
  join(rooms, "four");
  assertEquals(rooms.names("", 10), ["four", "one", "three"]);
});

Deno.test("a room is forgotten when the logs exceed maxLogBytes, the longest empty one first", () => {
  const rooms = roomsOf({ maxRooms: 100, maxLogBytes: 40_000 });
  const leave = join(rooms, "used");
  for (let index = 0; index < 50; index++) publish(rooms, `room ${index}`);
  // A log starts with 4 KiB.
  const names = rooms.names("", 100);
  assertEquals(names.length, 10);
  assert(names.includes("used") && names.includes("room 49") && !names.includes("room 0"));
  publish(rooms, "used", 100_000);
  assertEquals(rooms.names("", 100), ["used"]);
  leave();
});

Deno.test("a single room that exceeds maxLogBytes retains less", () => {
  const rooms = roomsOf({ maxLogBytes: 100_000 });
  join(rooms, "tea");
  for (let count = 0; count < 1000; count++) publish(rooms, "tea", 1000);
  const { log } = rooms.within("tea", ({ history }) => history);
  assertEquals(log.headSeq, 1000);
  assert(log.head - log.start <= 256 * 1024, `${log.head - log.start} bytes are retained`);
});

Deno.test("names() are in the order of their UTF-8, after a name and up to a limit, in memory and in SQLite", async () => {
  // In UTF-16 the last two would be the other way round.
  const names = ["a", "b", "c", "\uff21", "\u{1f600}"];
  const directory = await Deno.makeTempDir();
  {
    await using history = await SqliteHistory.open({
      path: `${directory}/chat.db`,
      durability: "process",
      historyMessages: 0,
      ageLimit: { deletableFromMs: 0 },
      onError: () => {},
    });
    await history.append(names.map((room) => ({
      room,
      epoch: { name: "e", after: 0 },
      firstSeq: 1,
      bodies: packBodies(encodeFrames(["hi"]), 1),
      authorSpans: [{ firstSeq: 1, author: ANONYMOUS, atMs: 0 }],
      ids: [],
    })));
    const inMemory = roomsOf({ maxRooms: 10 });
    for (const name of names.toReversed()) publish(inMemory, name);
    for (const rooms of [inMemory, roomsOf({ history })]) {
      assertEquals(rooms.names("", 2), ["a", "b"]);
      assertEquals(rooms.names("b", 2), ["c", "\uff21"]);
      assertEquals(rooms.names("\uff21", 2), ["\u{1f600}"]);
      assertEquals(rooms.names("\u{1f600}", 2), []);
    }
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("within() throws and leaves no room behind when the history cannot be read", () => {
  let isDamaged = true;
  const history = fakeHistory({
    open: () => {
      if (isDamaged) throw new Error("damaged");
      return undefined;
    },
  });
  const rooms = roomsOf({ history });
  assertThrows(() => publish(rooms, "one"), HistoryUnavailableError, "damaged");
  assertThrows(() => rooms.isKnown("one"), HistoryUnavailableError, "damaged");
  assertEquals(rooms.size, 0);
  isDamaged = false;
  assertEquals(publish(rooms, "one").history.headSeq, 1);
});

Deno.test("uncommitted messages are bounded, even from senders that cannot be held back", () => {
  const history = fakeHistory({ append: () => new Promise(() => {}) });
  const rooms = roomsOf({ history, logRetentionBytes: 1_000_000, defer: (run) => run() });
  const room = publish(rooms, "tea");
  const { log } = room.history;
  for (let count = 0; count < 3900; count++) publish(rooms, "tea", 1000);
  assertEquals([room.backlog !== undefined, log.start], [true, 0]);
  for (let count = 0; count < 500; count++) publish(rooms, "tea", 1000);
  assert(log.head - log.start < 1_300_000, `${log.head - log.start} bytes are retained`);
});

Deno.test("while a commit hangs, every room retains no more than its log", () => {
  const timers: (() => void)[] = [];
  const errors: unknown[] = [];
  const history = fakeHistory({ append: () => new Promise(() => {}) });
  const rooms = roomsOf({
    history,
    maxRooms: 10,
    logRetentionBytes: 1_000_000,
    defer: (run) => run(),
    startTimer: (run) => timers.push(run),
    onError: (error) => errors.push(error),
  });
  publish(rooms, "tea", 100_000);
  for (const timer of timers.splice(0)) timer();
  assertEquals(errors.length, 1);
  // This room was clean when the commit was found to hang.
  for (let count = 0; count < 100; count++) publish(rooms, "milk", 100_000);
  rooms.within("milk", ({ history: { log }, backlog }) => {
    assertEquals(backlog, undefined);
    assert(log.head - log.start < 1_500_000, `${log.head - log.start} bytes are retained`);
  });
});

Deno.test("an ack that came due during a replay is sent when the member goes live", async () => {
  const rooms = roomsOf({ defer: setImmediate, logRetentionBytes: 1_000_000 });
  const acks: string[] = [];
  const wire: Wire = {
    deliver: () => true,
    sendFrames: (frames) => {
      for (const { payload } of eachFrame(frames)) {
        acks.push(JSON.parse(decoder.decode(payload)).id);
      }
    },
    close: () => {},
  };
  publish(rooms, "tea");
  rooms.within("tea", (room) => {
    const member = new ChorusMember({ id: "a", author: { id: "a", name: null }, room, wire }, "");
    room.join(member);
    // The log of chorus.v1 is new, so the message before is replayed.
    member.start(0);
    acks.length = 0;
    const say = encoder.encode('{"type":"say","text":"hi","id":"c1"}');
    member.receive(say, 0, say.length, true);
  });
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(acks, ["c1"]);
});

Deno.test("flushed() resolves at a moment when all rooms are served", async () => {
  const turns: (() => void)[] = [];
  const rooms = roomsOf({ defer: (run) => turns.push(run) });
  const heard: string[] = [];
  for (const name of ["tea", "coffee"]) join(rooms, name, () => heard.push(name));
  publish(rooms, "tea");
  let isFlushed = false;
  const flushed = rooms.flushed().then(() => isFlushed = true);
  turns.shift()!();
  publish(rooms, "coffee");
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals([heard, isFlushed], [["tea"], false]);
  while (turns.length > 0) turns.shift()!();
  await flushed;
  assertEquals(heard, ["tea", "coffee"]);
});

Deno.test("flushed() does not wait for a member that left before its ack", async () => {
  let appendCount = 0;
  const history = fakeHistory({
    append: () => {
      appendCount++;
      return Promise.resolve();
    },
  });
  const rooms = roomsOf({ history, defer: setImmediate });
  const wire = { deliver: () => false, sendFrames: () => {}, close: () => {} };
  join(rooms, "tea");
  const room = rooms.within("tea", (room) => {
    const member = new ChorusMember({ id: "b", author: { id: "b", name: null }, room, wire }, "");
    room.join(member);
    member.enter(room.history.replayStart({}));
    room.publishText("unread", ANONYMOUS, {});
    const say = encoder.encode('{"type":"say","text":"hi","id":"c1"}');
    member.receive(say, 0, say.length, true);
    room.leave(member);
    return room;
  });
  await rooms.flushed();
  assertEquals([room.history.committedSeq, appendCount], [2, 1]);
  // With a listener left, this message would be committed at once. It gathers instead.
  publish(rooms, "tea");
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(appendCount, 1);
});
