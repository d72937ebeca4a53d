import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { ChorusMember } from "../../lib/chat/chorus_member.ts";
import { encodeFrames } from "../../lib/chat/log/frames.ts";
import type { History } from "../../lib/chat/history/history.ts";
import { PlainMember } from "../../lib/chat/plain_member.ts";
import type { Room } from "../../lib/chat/room.ts";
import { Rooms, type RoomsOptions } from "../../lib/chat/rooms.ts";
import { SqliteHistory } from "../../lib/history/sqlite_history.ts";
import { ROOM_OPTIONS } from "./room_options.ts";

const encoder = new TextEncoder();
const NOBODY = { id: null, name: null };

function roomsOf(bounds: Partial<RoomsOptions> = {}): Rooms {
  return new Rooms({
    ...ROOM_OPTIONS,
    history: undefined,
    maxRooms: 3,
    maxLogBytes: Infinity,
    ...bounds,
  });
}

/** Lets somebody into a room. Returns what takes them out. */
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

function say(rooms: Rooms, name: string, bytes = 10): Room {
  return rooms.within(name, (room) => {
    room.publishOnce(new Uint8Array(bytes), NOBODY, {});
    return room;
  });
}

Deno.test("a room in which nothing was said is forgotten with its last member", () => {
  const rooms = roomsOf();
  const leave = join(rooms, "tea");
  assertEquals(rooms.size, 1);
  leave();
  assertEquals([rooms.size, rooms.isKnown("tea")], [0, false]);
  rooms.within("tea", () => {});
  assertEquals(rooms.size, 0);
});

Deno.test("a room in which something was said stays, and is the same for who comes back", () => {
  const rooms = roomsOf();
  const room = say(rooms, "tea");
  join(rooms, "tea")();
  assertEquals([rooms.size, rooms.isKnown("tea")], [1, true]);
  assert(rooms.within("tea", (found) => found === room));
});

Deno.test("the room that has been empty for longest makes place for a new one", () => {
  const rooms = roomsOf();
  for (const name of ["one", "two", "three"]) say(rooms, name);
  // Somebody looks in: now "two" has been empty for longest.
  join(rooms, "one")();
  say(rooms, "four");
  assertEquals(rooms.names("", 10), ["four", "one", "three"]);
});

Deno.test("a room with members makes place for nobody", () => {
  const rooms = roomsOf();
  const leaves = ["one", "two", "three"].map((name) => {
    say(rooms, name);
    return join(rooms, name);
  });
  assertEquals([rooms.hasCapacityFor("four"), rooms.hasCapacityFor("one")], [false, true]);
  leaves[1]!();
  assertEquals(rooms.hasCapacityFor("four"), true);
  join(rooms, "four");
  assertEquals(rooms.names("", 10), ["four", "one", "three"]);
});

Deno.test("when the memory of all rooms is used up, the one goes that has been empty for longest", () => {
  const rooms = roomsOf({ maxRooms: 100, maxLogBytes: 40_000 });
  const leave = join(rooms, "used");
  for (let index = 0; index < 50; index++) say(rooms, `room ${index}`);
  // A log begins with 4 KiB.
  const names = rooms.names("", 100);
  assertEquals(names.length, 10);
  assert(names.includes("used") && names.includes("room 49") && !names.includes("room 0"));
  say(rooms, "used", 100_000);
  assertEquals(rooms.names("", 100), ["used"]);
  leave();
});

Deno.test("a room alone that needs more memory than there is keeps less", () => {
  const rooms = roomsOf({ maxLogBytes: 100_000 });
  join(rooms, "tea");
  for (let count = 0; count < 1000; count++) say(rooms, "tea", 1000);
  const { log } = rooms.within("tea", ({ history }) => history);
  assertEquals(log.headSeq, 1000);
  assert(log.head - log.start <= 256 * 1024, `${log.head - log.start} bytes are kept`);
});

Deno.test("names are in the order of their UTF-8, behind one and up to a limit, in memory and in SQLite", async () => {
  // In UTF-16 the last two stand the other way round.
  const names = ["a", "b", "c", "\uff21", "\u{1f600}"];
  const directory = await Deno.makeTempDir();
  {
    await using history = await SqliteHistory.open({
      path: `${directory}/chat.db`,
      durability: "process",
      historyMessages: 0,
      historyAgeMs: 0,
    });
    const kept = { room: "", epoch: { name: "e", after: 0 }, first: 1, ids: [] };
    const runs = [{ first: 1, author: NOBODY, atMs: 0 }];
    await history.append(
      names.map((room) => ({ ...kept, room, frames: encodeFrames(["hi"]), runs })),
    );
    const inMemory = roomsOf({ maxRooms: 10 });
    for (const name of names.toReversed()) say(inMemory, name);
    for (const rooms of [inMemory, roomsOf({ history })]) {
      assertEquals(rooms.names("", 2), ["a", "b"]);
      assertEquals(rooms.names("b", 2), ["c", "\uff21"]);
      assertEquals(rooms.names("\uff21", 2), ["\u{1f600}"]);
      assertEquals(rooms.names("\u{1f600}", 2), []);
    }
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a room whose kept messages cannot be read makes place for another, as nothing of it is kept", () => {
  const faults: unknown[] = [];
  const history = {
    epoch: "e",
    open: () => {
      throw new Error("damaged");
    },
  } as unknown as History;
  const rooms = roomsOf({ history, maxRooms: 1, onHistoryFault: (error) => faults.push(error) });
  say(rooms, "one");
  assertEquals([rooms.size, rooms.hasCapacityFor("two")], [1, true]);
  say(rooms, "two");
  assertEquals([rooms.size, faults.length], [1, 2]);
});

Deno.test("what waits to be kept has a bound, also where senders cannot be held back", () => {
  const history = {
    epoch: "e",
    open: () => undefined,
    oldest: () => undefined,
    append: () => new Promise(() => {}),
  } as unknown as History;
  const rooms = roomsOf({ history, logRetentionBytes: 1_000_000, defer: (run) => run() });
  const room = say(rooms, "tea");
  const { log } = room.history;
  for (let count = 0; count < 3900; count++) say(rooms, "tea", 1000);
  assertEquals([room.backlog !== undefined, log.start], [true, 0]);
  for (let count = 0; count < 500; count++) say(rooms, "tea", 1000);
  assert(log.head - log.start < 1_300_000, `${log.head - log.start} bytes are kept`);
});

Deno.test("the flush ends at a moment when every room is served, not one after the other", async () => {
  const turns: (() => void)[] = [];
  const rooms = roomsOf({ defer: (run) => turns.push(run) });
  const heard: string[] = [];
  for (const name of ["tea", "coffee"]) join(rooms, name, () => heard.push(name));
  say(rooms, "tea");
  let isFlushed = false;
  const flushed = rooms.flushed().then(() => isFlushed = true);
  turns.shift()!();
  say(rooms, "coffee");
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals([heard, isFlushed], [["tea"], false]);
  while (turns.length > 0) turns.shift()!();
  await flushed;
  assertEquals(heard, ["tea", "coffee"]);
});

Deno.test("who leaves without having been served is not waited for when messages are kept", async () => {
  const history = {
    epoch: "e",
    open: () => undefined,
    oldest: () => undefined,
    numberOf: () => undefined,
    append: () => Promise.resolve(),
  } as unknown as History;
  const rooms = roomsOf({ history, defer: setImmediate, startTimer: setTimeout });
  const wire = { deliver: () => false, sendFrames: () => {}, close: () => {} };
  const room = rooms.within("tea", (room) => {
    const member = new ChorusMember({ id: "a", author: { id: "a", name: null }, room, wire }, "");
    room.join(member);
    member.enter(room.history.replayStart({}));
    room.publishOnce(encoder.encode("never heard"), NOBODY, {});
    const said = encoder.encode('{"type":"say","text":"hi","id":"c1"}');
    member.receive(said, 0, said.length, true);
    assertEquals(room.history.isUrgent, true);
    room.leave(member);
    return room;
  });
  await rooms.flushed();
  assertEquals([room.history.committedSeq, room.history.isUrgent], [2, false]);
});
