import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { OPEN_ACCESS } from "../../lib/chat/access.ts";
import { setImmediate } from "node:timers";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import { ChorusMember } from "../../lib/chat/members/chorus_member.ts";
import { packBodies } from "../../lib/chat/history/packed_bodies.ts";
import { encodeFrames } from "../../lib/chat/log/frames.ts";
import { type History, HistoryUnavailableError } from "../../lib/chat/history/history.ts";
import { PlainMember } from "../../lib/chat/members/plain_member.ts";
import type { Room } from "../../lib/chat/room.ts";
import type { ListedRoom } from "../../lib/chat/room_list.ts";
import { Rooms, type RoomsOptions } from "../../lib/chat/rooms.ts";
import { SqliteHistory } from "../../lib/history/sqlite_history.ts";
import type { Wire } from "../../lib/chat/members/wire.ts";
import { eachFrame } from "../../lib/websocket/frame.ts";
import { NO_RENEWAL, ROOM_OPTIONS } from "./room_options.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ANONYMOUS = { id: null, name: null };

function roomsOf(bounds: Partial<RoomsOptions> = {}): Rooms {
  return new Rooms({
    ...ROOM_OPTIONS,
    history: undefined,
    maxRooms: 3,
    maxRoomMembers: Infinity,
    maxLogBytes: Infinity,
    deferTurn: bounds.defer ?? ROOM_OPTIONS.deferTurn,
    ...bounds,
  });
}

/** A history without messages, which commits at once unless the test says otherwise. */
function fakeHistory(overrides: Partial<History>): History {
  return {
    epoch: "e",
    open: () => undefined,
    oldestSeq: () => undefined,
    messageOf: () => undefined,
    append: () => Promise.resolve(),
    ...overrides,
  } as unknown as History;
}

/** Adds a member to a room. Returns the function that removes it. */
function join(rooms: Rooms, name: string, onDelivered = () => {}): () => void {
  const deliver = () => (onDelivered(), true);
  const wire = { sender: { deliver, sendFrames: () => {} }, close: () => {} };
  return rooms.within(name, (room) => {
    const member = new PlainMember({
      id: "a",
      address: "",
      author: { id: "a", name: null },
      room,
      clientFormat: "plain",
      wire,
      access: OPEN_ACCESS,
    });
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

/** Lists rooms that are in memory or in a durable history. */
function list(rooms: Rooms, after: string, limit: number): ListedRoom[] {
  const listed = rooms.list(after, limit);
  if (listed instanceof Promise) throw new Error("only a stream needs a promise");
  return listed;
}

function namesOf(rooms: Rooms, after = "", limit = 100): string[] {
  return list(rooms, after, limit).map(({ name }) => name);
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
  assertEquals(namesOf(rooms), ["four", "one", "three"]);
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
  assertEquals(namesOf(rooms), ["four", "one", "three"]);
});

Deno.test("a room is forgotten when the logs exceed maxLogBytes, the longest empty one first", () => {
  const rooms = roomsOf({ maxRooms: 100, maxLogBytes: 40_000 });
  const leave = join(rooms, "used");
  for (let index = 0; index < 50; index++) publish(rooms, `room ${index}`);
  // A log starts with 4 KiB.
  const names = namesOf(rooms);
  assertEquals(names.length, 10);
  assert(names.includes("used") && names.includes("room 49") && !names.includes("room 0"));
  publish(rooms, "used", 100_000);
  assertEquals(namesOf(rooms), ["used"]);
  leave();
});

Deno.test("a single room that exceeds maxLogBytes retains less", () => {
  const defer = (run: () => void) => run();
  const rooms = roomsOf({ maxLogBytes: 100_000, defer });
  join(rooms, "tea");
  for (let count = 0; count < 1000; count++) publish(rooms, "tea", 1000);
  const { log } = rooms.within("tea", ({ history }) => history);
  assertEquals(log.headSeq, 1000);
  assert(log.head - log.start <= 256 * 1024, `${log.head - log.start} bytes are retained`);
});

Deno.test("a room that is listed or read is forgotten as early as otherwise", () => {
  const rooms = roomsOf();
  for (const name of ["one", "two", "three"]) publish(rooms, name);
  rooms.list("", 10);
  assertEquals(rooms.read("one", ({ history }) => history.headSeq), 1);
  publish(rooms, "four");
  assertEquals(namesOf(rooms), ["four", "three", "two"]);
});

/** Calls `use` with a history in a file that has one message in each of these rooms. */
async function withStored(
  names: readonly string[],
  use: (history: SqliteHistory) => void | Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/chat.db`;
  const options = {
    path,
    durability: "process",
    historyMessages: 0,
    ageLimit: { deletableRange: ANY_AGE },
    onError: () => {},
  } as const;
  {
    await using earlier = await SqliteHistory.open(options);
    await earlier.append(names.map((room) => ({
      room,
      epoch: { name: earlier.epoch, after: 0 },
      firstSeq: 1,
      bodies: packBodies(encodeFrames(["hi"]), 1),
      authorSpans: [{ firstSeq: 1, author: ANONYMOUS, atMs: 0 }],
      ids: [],
    })));
  }
  {
    await using history = await SqliteHistory.open(options);
    await use(history);
  }
  await Deno.remove(directory, { recursive: true });
}

Deno.test("list() is in the order of the names' UTF-8, after a name and up to a limit, in memory and in SQLite", () => {
  // In UTF-16, those that begin with a surrogate would come before U+E000 and U+FF21.
  const names = [
    ...["", "a", "a!", "aa", "ab", "a\u00e9", "b", "\u00e9", "\u05d0", "\u6c34", "\ud7ff"],
    ...["\ue000", "\uff21", "\u{10000}", "\u{1f600}", "\u{1f600}a", "\u{1f601}", "\u{20000}"],
  ];
  return withStored(names.slice(1), (history) => {
    const inMemory = roomsOf({ maxRooms: 100 });
    for (const name of names.slice(1).toReversed()) publish(inMemory, name);
    for (const rooms of [inMemory, roomsOf({ history })]) {
      for (const [index, name] of names.entries()) {
        for (const limit of [1, 2, 100]) {
          assertEquals(namesOf(rooms, name, limit), names.slice(index + 1, index + 1 + limit));
        }
      }
    }
  });
});

Deno.test("list() creates no room and has the positions and members that the rooms have", () =>
  withStored(["milk", "tea", "water"], async (history) => {
    const rooms = roomsOf({ history, defer: setImmediate, maxRooms: 100 });
    const positions = (names: readonly string[]) =>
      names.map((name) => rooms.within(name, ({ history }) => history.positionOf(history.headSeq)));
    const listed = list(rooms, "", 10);
    assertEquals(rooms.size, 0);
    assertEquals(listed.map(({ position }) => position), positions(["milk", "tea", "water"]));
    assertEquals(rooms.size, 0);
    // "tea" goes on in a new epoch, "cocoa" is not committed, and "milk" has no new message.
    const leaves = ["tea", "milk", "cocoa"].map((name) => join(rooms, name));
    for (const name of ["tea", "cocoa"]) publish(rooms, name);
    const check = (memberCount: number) => {
      const names = ["cocoa", "milk", "tea", "water"];
      assertEquals(list(rooms, "", 10), [
        ...positions(names).map((position, index) => ({
          name: names[index]!,
          memberCount: index < 3 ? memberCount : 0,
          position,
        })),
      ]);
    };
    check(1);
    for (const leave of leaves) leave();
    check(0);
    await rooms.flushed();
    assertEquals(rooms.size, 0);
    check(0);
    assertEquals(list(rooms, "", 10)[2]!.position, `${history.epoch}-2`);
  }));

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
    sender: {
      deliver: () => true,
      sendFrames: (frames) => {
        for (const { payload } of eachFrame(frames)) {
          acks.push(JSON.parse(decoder.decode(payload)).id);
        }
      },
    },
    close: () => {},
  };
  publish(rooms, "tea");
  rooms.within("tea", (room) => {
    const member = new ChorusMember(
      {
        ...{ id: "a", address: "", author: { id: "a", name: null }, room, wire },
        clientFormat: "chorus.v1",
        access: OPEN_ACCESS,
        ...{ session: "", maxMessageBytes: 1000 },
      },
      NO_RENEWAL,
    );
    room.join(member);
    // The log of chorus.v1 is new, so the message before is replayed.
    member.enter({ after: 0, isRecovered: false });
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
  const wire = { sender: { deliver: () => false, sendFrames: () => {} }, close: () => {} };
  join(rooms, "tea");
  const room = rooms.within("tea", (room) => {
    const member = new ChorusMember(
      {
        ...{ id: "b", address: "", author: { id: "b", name: null }, room, wire },
        clientFormat: "chorus.v1",
        access: OPEN_ACCESS,
        ...{ session: "", maxMessageBytes: 1000 },
      },
      NO_RENEWAL,
    );
    room.join(member);
    member.enter({ after: room.history.headSeq, isRecovered: false });
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

Deno.test("delete() hides the messages published until then, also while the room is in use", async () => {
  const rooms = roomsOf();
  publish(rooms, "tea");
  const leave = join(rooms, "tea");
  assertEquals(await rooms.delete("tea"), true);
  const room = publish(rooms, "tea");
  assertEquals(room.history.replayStart({ last: 10 }), { after: 1, isRecovered: false });
  leave();
  assertEquals(await rooms.delete("tea"), true);
  assertEquals([rooms.size, await rooms.delete("tea")], [0, false]);
});

Deno.test("delete() fails if the messages cannot be committed before", async () => {
  const history = fakeHistory({
    append: () => Promise.reject(new Error("disk full")),
    deleteRoom: () => {
      throw new Error("not called");
    },
  });
  const rooms = roomsOf({ history, defer: setImmediate, onError: () => {} });
  publish(rooms, "tea");
  await assertRejects(
    () => rooms.delete("tea"),
    HistoryUnavailableError,
    "Cannot delete the room tea: its messages cannot be committed",
  );
});

Deno.test("delete() hides the messages while a durable history deletes them", async () => {
  const deleted = Promise.withResolvers<void>();
  const stored = { headSeq: 2, epochs: [{ name: "e", after: 0 }] };
  const message = { seq: 1, author: ANONYMOUS, atMs: 0, body: "x".repeat(10) };
  const history = fakeHistory({
    open: () => stored,
    oldestSeq: () => 1,
    read: () => [message],
    messageOf: () => message,
    deleteRoom: () => deleted.promise,
  });
  const rooms = roomsOf({ history, defer: setImmediate });
  const deletion = rooms.delete("tea");
  rooms.read("tea", (room) => {
    assertEquals(room.history.replayStart({ last: 100 }), { after: 2, isRecovered: false });
    assertEquals(room.history.messageOf(ANONYMOUS, "id"), undefined);
  });
  deleted.resolve();
  assertEquals([await deletion, rooms.size], [true, 0]);
});
