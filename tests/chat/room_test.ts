import { assert, assertEquals } from "@std/assert";
import type { CloseCode } from "../../lib/chat/close_code.ts";
import { PlainMember } from "../../lib/chat/plain_member.ts";
import { Room, type SlowReaderPolicy } from "../../lib/chat/room.ts";
import type { Wire } from "../../lib/chat/wire.ts";
import { eachFrame } from "../../lib/websocket/frame.ts";
import { ROOM_OPTIONS } from "./room_options.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A room whose turns and timers a test sets off. */
class TestRoom {
  readonly slow: { id: string; missedBytes: number }[] = [];
  readonly room: Room;
  readonly #turns: (() => void)[] = [];
  #timers: (() => void)[] = [];

  constructor(slowReader: SlowReaderPolicy = "close", logRetentionBytes = 1_000_000) {
    this.room = new Room("lobby", {
      ...ROOM_OPTIONS,
      logRetentionBytes,
      slowReader,
      onSlowReader: ({ id }, missedBytes) => this.slow.push({ id, missedBytes }),
      defer: (run) => this.#turns.push(run),
      startTimer: (run) => this.#timers.push(run),
    });
  }

  join(...ids: string[]): FakeMember[] {
    const members = ids.map((id) => new FakeMember(id, this.room));
    for (const member of members) {
      this.room.join(member);
      member.start(this.room.history.headSeq);
    }
    return members;
  }

  say(text: string, sender?: FakeMember): void {
    this.room.publishOnce(encoder.encode(text), NOBODY, sender ? { skip: sender } : {});
  }

  /** Runs what has been deferred, once. */
  turn(): void {
    for (const turn of this.#turns.splice(0)) turn();
  }

  /** Runs what has been deferred, and lets promises settle, until nothing is left to do. */
  async settle(): Promise<void> {
    do {
      for (const turn of this.#turns.splice(0)) turn();
      await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
    } while (this.#turns.length > 0);
  }

  /** Lets the timers fire. */
  async fireTimers(): Promise<void> {
    for (const timer of this.#timers.splice(0)) timer();
    await this.settle();
  }
}

const NOBODY = { id: null, name: null };

/** A plain member whose wire does what a test says. */
class FakeMember extends PlainMember {
  readonly got: string[] = [];
  /** How many deliveries it has been asked to make. */
  deliveries = 0;
  verdict: CloseCode | undefined;
  #stall: PromiseWithResolvers<void> | undefined;

  constructor(id: string, room: Room) {
    const wire: Wire = {
      deliver: (frames, onDelivered) => this.#take(frames, onDelivered),
      sendFrames: () => {},
      close: (verdict) => {
        this.verdict = verdict;
        room.leave(this);
      },
    };
    super({ id, author: { id, name: null }, room, wire });
  }

  stall(): void {
    this.#stall ??= Promise.withResolvers();
  }

  resume(): void {
    this.#stall?.resolve();
    this.#stall = undefined;
  }

  #take(frames: Uint8Array, onDelivered: () => void): boolean {
    this.deliveries++;
    const read = () => {
      for (const { payload } of eachFrame(frames)) this.got.push(decoder.decode(payload));
    };
    // Some can take everything at once, and some take their time.
    if (!this.#stall && this.id === "fast") {
      read();
      return true;
    }
    (this.#stall?.promise ?? Promise.resolve()).then(() => {
      read();
      onDelivered();
    });
    return false;
  }
}

Deno.test("what is said reaches everybody but the one to skip", async () => {
  const test = new TestRoom();
  const [a, b, c] = test.join("a", "b", "c") as [FakeMember, FakeMember, FakeMember];
  test.say("hi", b);
  await test.settle();
  assertEquals([a.got, b.got, c.got], [["hi"], [], ["hi"]]);
});

Deno.test("what is said in one turn is one delivery", async () => {
  const test = new TestRoom();
  const [a] = test.join("a") as [FakeMember];
  for (const text of ["1", "2", "3"]) test.say(text);
  await test.settle();
  assertEquals([a.got, a.deliveries], [["1", "2", "3"], 1]);
});

Deno.test("a member that takes everything at once is served as the others are", async () => {
  const test = new TestRoom();
  const [fast, slow] = test.join("fast", "slow") as [FakeMember, FakeMember];
  const large = "x".repeat(300_000);
  for (const text of ["1", large, "2"]) test.say(text, text === "2" ? fast : undefined);
  await test.settle();
  assertEquals([fast.got, slow.got], [["1", large], ["1", large, "2"]]);
});

Deno.test("senders are let on when the reader that was behind leaves in the middle of a delivery", async () => {
  const test = new TestRoom("close", 1_000_000);
  const [sender, reader] = test.join("sender", "reader") as [FakeMember, FakeMember];
  reader.stall();
  test.say("x".repeat(10), sender);
  await test.settle();
  test.say("x".repeat(300_000), sender);
  assert(test.room.backlog);
  test.room.leave(reader);
  await test.settle();
  reader.resume();
  await test.settle();
  assertEquals(test.room.backlog, undefined);
});

Deno.test("a fast reader that is behind holds the senders back, and is not lost", async () => {
  const test = new TestRoom("close", 2_000_000);
  const [fast] = test.join("fast") as [FakeMember];
  let saidCount = 0;
  for (let turn = 0; turn < 40; turn++) {
    // Each turn more than a sweep delivers to one member, unless the senders are held back.
    for (let count = 0; count < 10 && !test.room.backlog; count++) {
      test.say(`${saidCount++} ${"x".repeat(60_000)}`);
    }
    test.turn();
  }
  await test.settle();
  assertEquals([fast.verdict, fast.got.length], [undefined, saidCount]);
});

Deno.test("a member is served from when it joined until it leaves", async () => {
  const test = new TestRoom();
  test.join("witness");
  test.say("before");
  const [a] = test.join("a") as [FakeMember];
  test.say("while");
  await test.settle();
  test.room.leave(a);
  test.say("after");
  await test.settle();
  assertEquals(a.got, ["while"]);
});

Deno.test("what is said during a sweep waits for it, and then is one delivery", async () => {
  const test = new TestRoom();
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  test.say("1");
  await test.settle();
  for (const text of ["2", "3"]) test.say(text);
  await test.settle();
  assertEquals(a.got, ["1"]);
  b.resume();
  await test.settle();
  assertEquals([a.got, a.deliveries], [["1", "2", "3"], 2]);
  assertEquals([b.got, b.deliveries], [["1", "2", "3"], 2]);
});

Deno.test("a reader that stalls holds the others up no longer than the patience lasts", async () => {
  const test = new TestRoom();
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  test.say("1");
  await test.settle();
  test.say("2");
  await test.settle();
  assertEquals(a.got, ["1"]);
  await test.fireTimers(); // something has ended since the watch began
  await test.fireTimers(); // nothing has ended since
  assertEquals(a.got, ["1", "2"]);
  test.say("3");
  await test.settle();
  assertEquals([a.got, b.got], [["1", "2", "3"], []]);
});

Deno.test("a reader on its own catches up, and then is swept with the others again", async () => {
  const test = new TestRoom();
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  test.say("1");
  await test.settle();
  await test.fireTimers();
  await test.fireTimers();
  test.say("2");
  await test.settle();
  b.resume();
  await test.settle();
  assertEquals([a.got, b.got], [["1", "2"], ["1", "2"]]);
  b.stall();
  test.say("3");
  test.say("4");
  await test.settle();
  assertEquals(a.got, ["1", "2", "3", "4"]);
  test.say("5");
  await test.settle();
  assertEquals(a.got.length, 4, "the sweep waits for b again");
});

Deno.test("a member that leaves during its delivery does not confuse the next sweeps", async () => {
  const test = new TestRoom();
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  test.say("1");
  await test.settle();
  test.room.leave(b);
  await test.fireTimers();
  await test.fireTimers();
  test.say("2");
  await test.settle();
  b.resume();
  await test.settle();
  test.say("3");
  await test.settle();
  assertEquals(a.got, ["1", "2", "3"]);
  assertEquals(b.got, ["1"]);
});

const LONG = "x".repeat(10_000);

/** Lets b stall until the log has dropped what it has not been served. */
async function leaveBehind(test: TestRoom): Promise<[FakeMember, FakeMember]> {
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  for (let count = 0; count < 200; count++) {
    test.say(`${count} ${LONG}`);
    await test.settle();
    await test.fireTimers();
    await test.fireTimers();
  }
  return [a, b];
}

Deno.test("--slow-reader close gives up a reader that has fallen out of the log, and nobody else", async () => {
  const test = new TestRoom("close", 100_000);
  const [a, b] = await leaveBehind(test);
  assertEquals([a.verdict, b.verdict?.code], [undefined, 4008]);
  assertEquals(test.slow, [{ id: "b", missedBytes: 0 }]);
  assertEquals(a.got.length, 200);
});

Deno.test("--slow-reader skip lets it miss what is gone, and go on with whole messages", async () => {
  const test = new TestRoom("skip", 100_000);
  const [, b] = await leaveBehind(test);
  assertEquals(b.verdict, undefined);
  assert(test.slow.length > 0 && test.slow.every(({ missedBytes }) => missedBytes > 0));
  b.resume();
  await test.settle();
  const numbers = b.got.map((text) => Number(text.split(" ")[0]));
  assertEquals(numbers.at(-1), 199);
  assert(numbers.length < 200);
  assertEquals(numbers, [...numbers].sort((one, other) => one - other));
  assertEquals(new Set(numbers).size, numbers.length);
});

/** Lets b say more than a quarter of 100,000 bytes while a, the only reader, stalls. */
async function buildBacklog(test: TestRoom): Promise<[FakeMember, FakeMember]> {
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  a.stall();
  for (let count = 0; count < 3; count++) {
    test.say(LONG, b);
    await test.settle();
  }
  return [a, b];
}

Deno.test("Room.backlog holds senders back while every reader is far behind, and lets them go on", async () => {
  const test = new TestRoom("close", 100_000);
  const [a] = await buildBacklog(test);
  const { backlog } = test.room;
  assert(backlog, "a is more than a quarter of the retention behind");
  let isOver = false;
  backlog.then(() => isOver = true);
  await test.settle();
  assertEquals(isOver, false);
  a.resume();
  await test.settle();
  assertEquals([isOver, test.room.backlog, a.got.length], [true, undefined, 3]);
});

Deno.test("Room.backlog ends when the only reader leaves", async () => {
  const test = new TestRoom("close", 100_000);
  const [a] = await buildBacklog(test);
  assert(test.room.backlog);
  test.room.leave(a);
  a.resume();
  await test.settle();
  assertEquals(test.room.backlog, undefined);
});

Deno.test("Room.backlog ends when somebody joins who is not behind", async () => {
  const test = new TestRoom("close", 100_000);
  const [a, b] = await buildBacklog(test);
  assert(test.room.backlog);
  const [c] = test.join("c") as [FakeMember];
  assertEquals(test.room.backlog, undefined);
  await test.fireTimers();
  await test.fireTimers();
  test.say("hi", b);
  await test.settle();
  assertEquals(c.got, ["hi"]);
  a.resume();
});

Deno.test("Room.backlog does not wait for a stalled reader while another reads", async () => {
  const test = new TestRoom("close", 100_000);
  const [, b] = await leaveBehind(test);
  assertEquals(b.got, []);
  assertEquals(test.room.backlog, undefined);
});
