import { OPEN_ACCESS } from "../../lib/chat/access.ts";
import { assert, assertEquals } from "@std/assert";
import { CLOSE_CODES, type CloseCode } from "../../lib/chat/close_code.ts";
import { ChatCounters } from "../../lib/chat/counters.ts";
import { LogBudget } from "../../lib/chat/log/log_budget.ts";
import { ChorusMember } from "../../lib/chat/members/chorus_member.ts";
import { PlainMember } from "../../lib/chat/members/plain_member.ts";
import { Room, type RoomOptions } from "../../lib/chat/room.ts";
import type { Wire } from "../../lib/chat/members/wire.ts";
import { eachFrame } from "../../lib/websocket/frame.ts";
import type { DeliveryListener } from "../../lib/websocket/sender.ts";
import { countOf } from "./count_of.ts";
import { NO_RENEWAL, ROOM_OPTIONS } from "./room_options.ts";

const decoder = new TextDecoder();

/** A room whose deferred functions and timers the test runs. */
class TestRoom {
  readonly slow: { id: string; missedBytes: number }[] = [];
  readonly room: Room;
  readonly #turns: (() => void)[] = [];
  readonly #nextTurns: (() => void)[] = [];
  #timers: (() => void)[] = [];
  /** How long the newest timer takes. */
  timerMs = 0;

  constructor(options: Partial<RoomOptions> = {}) {
    this.room = new Room("lobby", {
      ...ROOM_OPTIONS,
      ...options,
      onSlowReader: ({ id }, missedBytes) => this.slow.push({ id, missedBytes }),
      defer: (run) => this.#turns.push(run),
      deferTurn: (run) => this.#nextTurns.push(run),
      startTimer: (run, ms) => {
        this.#timers.push(run);
        this.timerMs = ms;
      },
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

  publish(text: string, publisher?: FakeMember): void {
    this.room.publishText(text, ANONYMOUS, publisher ? { publisher } : {});
  }

  /** Runs the functions that are deferred to the end of this turn. */
  turn(): void {
    for (const turn of this.#turns.splice(0)) turn();
  }

  /** Runs the functions that are deferred to the next turn. */
  nextTurn(): void {
    for (const turn of this.#nextTurns.splice(0)) turn();
  }

  /** Runs deferred functions and lets promises settle until none is left. */
  async settle(): Promise<void> {
    do {
      this.turn();
      this.nextTurn();
      await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
    } while (this.#turns.length + this.#nextTurns.length > 0);
  }

  /** Fires the timers. */
  async fireTimers(): Promise<void> {
    for (const timer of this.#timers.splice(0)) timer();
    await this.settle();
  }
}

const ANONYMOUS = { id: null, name: null };

/** A plain member whose wire the test controls. */
class FakeMember extends PlainMember {
  readonly got: string[] = [];
  /** The number of deliveries. */
  deliveries = 0;
  closeStatus: CloseCode | undefined;
  #stall: PromiseWithResolvers<void> | undefined;

  constructor(id: string, room: Room) {
    const wire: Wire = {
      sender: {
        deliver: (frames, listener) => this.#take(frames, listener),
        sendFrames: () => {},
      },
      close: (status) => {
        this.closeStatus = status;
        room.leave(this);
      },
    };
    super({
      ...{ id, address: "", author: { id, name: null }, room, wire },
      clientFormat: "plain",
      access: OPEN_ACCESS,
    });
  }

  stall(): void {
    this.#stall ??= Promise.withResolvers();
  }

  resume(): void {
    this.#stall?.resolve();
    this.#stall = undefined;
  }

  #take(frames: Uint8Array, listener: DeliveryListener): boolean {
    this.deliveries++;
    if (this.id === "broken") {
      this.close(CLOSE_CODES.internalError);
      return false;
    }
    const read = () => {
      for (const { payload } of eachFrame(frames)) this.got.push(decoder.decode(payload));
    };
    // The fast member takes everything within the call; the others take a while.
    if (!this.#stall && this.id === "fast") {
      read();
      return true;
    }
    (this.#stall?.promise ?? Promise.resolve()).then(() => {
      read();
      listener.onDelivered();
    });
    return false;
  }
}

Deno.test("a sweep that follows another waits for the next turn, so that reads come between", async () => {
  const test = new TestRoom();
  const [fast, , author] = test.join("fast", "slow", "author") as [
    FakeMember,
    FakeMember,
    FakeMember,
  ];
  test.publish("1", author);
  test.turn();
  assertEquals(fast.got, ["1"]);
  // The delivery to the slow member is under way, and the sweep waits for it.
  test.publish("2", author);
  test.turn();
  assertEquals(fast.got, ["1"]);
  await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
  test.turn();
  assertEquals(fast.got, ["1"]);
  test.nextTurn();
  assertEquals(fast.got, ["1", "2"]);
  await test.settle();
});

Deno.test("messages of clients outside the room share a sweep in the next turn", () => {
  const test = new TestRoom();
  const [fast] = test.join("fast") as [FakeMember];
  test.publish("1");
  test.turn();
  test.publish("2");
  test.turn();
  assertEquals([fast.got, fast.deliveries], [[], 0]);
  test.nextTurn();
  assertEquals([fast.got, fast.deliveries], [["1", "2"], 1]);
});

Deno.test("a message reaches every member but its publisher", async () => {
  const test = new TestRoom();
  const [a, b, c] = test.join("a", "b", "c") as [FakeMember, FakeMember, FakeMember];
  test.publish("hi", b);
  await test.settle();
  assertEquals([a.got, b.got, c.got], [["hi"], [], ["hi"]]);
});

Deno.test("messages of one turn are one delivery", async () => {
  const test = new TestRoom();
  const [a] = test.join("a") as [FakeMember];
  for (const text of ["1", "2", "3"]) test.publish(text);
  await test.settle();
  assertEquals([a.got, a.deliveries], [["1", "2", "3"], 1]);
});

Deno.test("a member that takes everything within the call gets the same messages", async () => {
  const test = new TestRoom();
  const [fast, slow] = test.join("fast", "slow") as [FakeMember, FakeMember];
  const large = "x".repeat(300_000);
  for (const text of ["1", large, "2"]) test.publish(text, text === "2" ? fast : undefined);
  await test.settle();
  assertEquals([fast.got, slow.got], [["1", large], ["1", large, "2"]]);
});

Deno.test("Room.backlog ends when the reader that is behind leaves during a delivery", async () => {
  const test = new TestRoom({ logRetentionBytes: 1_000_000 });
  const [sender, reader] = test.join("sender", "reader") as [FakeMember, FakeMember];
  reader.stall();
  test.publish("x".repeat(10), sender);
  await test.settle();
  test.publish("x".repeat(300_000), sender);
  assert(test.room.backlog);
  test.room.leave(reader);
  await test.settle();
  reader.resume();
  await test.settle();
  assertEquals(test.room.backlog, undefined);
});

Deno.test("a fast reader that is behind holds senders back and is not lost", async () => {
  const test = new TestRoom({ logRetentionBytes: 2_000_000 });
  const [fast] = test.join("fast") as [FakeMember];
  let publishedCount = 0;
  for (let turn = 0; turn < 40; turn++) {
    // More in each turn than a sweep delivers to one member, unless senders are held back.
    for (let count = 0; count < 10 && !test.room.backlog; count++) {
      test.publish(`${publishedCount++} ${"x".repeat(60_000)}`);
    }
    test.turn();
  }
  await test.settle();
  assertEquals([fast.closeStatus, fast.got.length], [undefined, publishedCount]);
});

Deno.test("a member gets the messages from when it joins until it leaves", async () => {
  const test = new TestRoom();
  test.join("witness");
  test.publish("before");
  const [a] = test.join("a") as [FakeMember];
  test.publish("while");
  await test.settle();
  test.room.leave(a);
  test.publish("after");
  await test.settle();
  assertEquals(a.got, ["while"]);
});

Deno.test("messages published during a sweep are one delivery after it", async () => {
  const test = new TestRoom();
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  test.publish("1");
  await test.settle();
  for (const text of ["2", "3"]) test.publish(text);
  await test.settle();
  assertEquals(a.got, ["1"]);
  b.resume();
  await test.settle();
  assertEquals([a.got, a.deliveries], [["1", "2", "3"], 2]);
  assertEquals([b.got, b.deliveries], [["1", "2", "3"], 2]);
});

Deno.test("a stalled reader holds up the others for no longer than PATIENCE_MS", async () => {
  const test = new TestRoom();
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  test.publish("1");
  await test.settle();
  test.publish("2");
  await test.settle();
  assertEquals(a.got, ["1"]);
  await test.fireTimers(); // a delivery has ended since the watch started
  await test.fireTimers(); // none has ended since
  assertEquals(a.got, ["1", "2"]);
  test.publish("3");
  await test.settle();
  assertEquals([a.got, b.got], [["1", "2", "3"], []]);
});

Deno.test("a reader on its own catches up and rejoins the sweeps", async () => {
  const test = new TestRoom();
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  test.publish("1");
  await test.settle();
  await test.fireTimers();
  await test.fireTimers();
  test.publish("2");
  await test.settle();
  b.resume();
  await test.settle();
  assertEquals([a.got, b.got], [["1", "2"], ["1", "2"]]);
  b.stall();
  test.publish("3");
  test.publish("4");
  await test.settle();
  assertEquals(a.got, ["1", "2", "3", "4"]);
  test.publish("5");
  await test.settle();
  assertEquals(a.got.length, 4, "the sweep waits for b again");
});

Deno.test("a member that leaves during its delivery does not disturb the next sweeps", async () => {
  const test = new TestRoom();
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  test.publish("1");
  await test.settle();
  test.room.leave(b);
  await test.fireTimers();
  await test.fireTimers();
  test.publish("2");
  await test.settle();
  b.resume();
  await test.settle();
  test.publish("3");
  await test.settle();
  assertEquals(a.got, ["1", "2", "3"]);
  assertEquals(b.got, ["1"]);
});

const LONG = "x".repeat(10_000);

/** Stalls b until the log has dropped messages that b has not been served. */
async function leaveBehind(test: TestRoom): Promise<[FakeMember, FakeMember]> {
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  b.stall();
  for (let count = 0; count < 200; count++) {
    test.publish(`${count} ${LONG}`);
    await test.settle();
    await test.fireTimers();
    await test.fireTimers();
  }
  return [a, b];
}

Deno.test("--slow-reader close closes the reader that has fallen out of the log and no other", async () => {
  const test = new TestRoom({ logRetentionBytes: 100_000 });
  const [a, b] = await leaveBehind(test);
  assertEquals([a.closeStatus, b.closeStatus?.code], [undefined, 4008]);
  assertEquals(test.slow, [{ id: "b", missedBytes: 0 }]);
  assertEquals(a.got.length, 200);
});

Deno.test("--slow-reader skip continues with whole messages after the dropped ones", async () => {
  const test = new TestRoom({ slowReader: "skip", logRetentionBytes: 100_000 });
  const [, b] = await leaveBehind(test);
  assertEquals(b.closeStatus, undefined);
  assert(test.slow.length > 0 && test.slow.every(({ missedBytes }) => missedBytes > 0));
  b.resume();
  await test.settle();
  const seqs = b.got.map((text) => Number(text.split(" ")[0]));
  assertEquals(seqs.at(-1), 199);
  assert(seqs.length < 200);
  assertEquals(seqs, [...seqs].sort((one, other) => one - other));
  assertEquals(new Set(seqs).size, seqs.length);
});

/** Publishes more than a quarter of 100,000 bytes by b while a, the only reader, stalls. */
async function buildBacklog(test: TestRoom): Promise<[FakeMember, FakeMember]> {
  const [a, b] = test.join("a", "b") as [FakeMember, FakeMember];
  a.stall();
  for (let count = 0; count < 3; count++) {
    test.publish(LONG, b);
    await test.settle();
  }
  return [a, b];
}

Deno.test("Room.backlog lasts while every reader is far behind", async () => {
  const test = new TestRoom({ logRetentionBytes: 100_000 });
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
  const test = new TestRoom({ logRetentionBytes: 100_000 });
  const [a] = await buildBacklog(test);
  assert(test.room.backlog);
  test.room.leave(a);
  a.resume();
  await test.settle();
  assertEquals(test.room.backlog, undefined);
});

Deno.test("Room.backlog ends when a member joins that is not behind", async () => {
  const test = new TestRoom({ logRetentionBytes: 100_000 });
  const [a, b] = await buildBacklog(test);
  assert(test.room.backlog);
  const [c] = test.join("c") as [FakeMember];
  assertEquals(test.room.backlog, undefined);
  await test.fireTimers();
  await test.fireTimers();
  test.publish("hi", b);
  await test.settle();
  assertEquals(c.got, ["hi"]);
  a.resume();
});

Deno.test("Room.backlog does not wait for a stalled reader while another reader keeps up", async () => {
  const test = new TestRoom({ logRetentionBytes: 100_000 });
  const [, b] = await leaveBehind(test);
  assertEquals(b.got, []);
  assertEquals(test.room.backlog, undefined);
});

Deno.test("Room.backlog ends although a reader was closed within its delivery", async () => {
  const test = new TestRoom({ logRetentionBytes: 100_000 });
  const [broken] = test.join("broken") as [FakeMember];
  test.publish("1");
  await test.settle();
  assertEquals([broken.closeStatus, test.room.size], [CLOSE_CODES.internalError, 0]);
  test.publish(LONG);
  test.publish(LONG);
  test.publish(LONG);
  assert(test.room.backlog, "no sweep has run");
  await test.settle();
  assertEquals(test.room.backlog, undefined);
});

Deno.test("readers that keep up get everything while the logs use too much memory", async () => {
  const test = new TestRoom({ budget: new LogBudget(1, () => {}) });
  const [fast, other, author] = test.join("fast", "other", "author") as [
    FakeMember,
    FakeMember,
    FakeMember,
  ];
  const expected: string[] = [];
  const publish = (count: number) => {
    for (let index = 0; index < count; index++) {
      const text = `${expected.length} ${"x".repeat(200)}`;
      expected.push(text);
      test.publish(text, author);
    }
  };
  for (let turn = 0; turn < 20; turn++) {
    publish(50);
    test.turn();
    // The other reader has one chunk of the log now, and waits for more.
    publish(50);
    await test.settle();
    assertEquals([fast.got, other.got], [expected, expected]);
  }
  assert(test.room.history.log.seqBefore > 1900, "the log retains little of what was served");
});

for (const echo of [false, true]) {
  Deno.test(`Room counts messages and their deliveries ${echo ? "with" : "without"} echo`, async () => {
    const counters = new ChatCounters(() => 0);
    const test = new TestRoom({ counters, echo });
    const [ann] = test.join("ann", "bob", "eve");
    test.publish("hello", ann);
    test.publish("hi");
    await test.settle();
    assertEquals([counters.webSocketMessages, counters.httpMessages], [1, 1]);
    assertEquals(counters.receivedBytes, 7);
    assertEquals(counters.deliveries, echo ? 6 : 5);
    // A frame of a short message has a header of two bytes.
    assertEquals(counters.sentBytes, (echo ? 3 : 2) * 7 + 3 * 4);
  });
}

Deno.test("Room times the first batch of messages, if it has readers", async () => {
  let nowMs = 0;
  const counters = new ChatCounters(() => nowMs);
  const test = new TestRoom({ counters });
  const [fast, slow] = test.join("fast", "slow");
  test.publish("one", fast);
  nowMs = 1000;
  test.publish("two", fast);
  slow!.stall();
  test.turn();
  nowMs = 3000;
  // This one belongs to the next sweep.
  test.publish("three", fast);
  slow!.resume();
  await test.settle();
  const { sweepSeconds, publishSeconds, batchMessages } = counters;
  assertEquals([batchMessages.sum, countOf(batchMessages)], [2, 1]);
  assertEquals([sweepSeconds.sum, publishSeconds.sum], [2, 3]);

  const alone = new ChatCounters(() => nowMs);
  const empty = new TestRoom({ counters: alone });
  empty.publish("nobody");
  await empty.settle();
  assertEquals(countOf(alone.sweepSeconds), 0);
});

Deno.test("Room times one batch at a time", async () => {
  let nowMs = 0;
  const counters = new ChatCounters(() => nowMs);
  const [tea, milk] = [new TestRoom({ counters }), new TestRoom({ counters })];
  const [ann, stalled] = tea.join("ann", "slow");
  milk.join("fast");
  stalled!.stall();
  tea.publish("timed", ann);
  tea.turn();
  for (let count = 0; count < 16; count++) {
    milk.publish("not timed");
    await milk.settle();
  }
  // The next batch would be timed, but the room has not swept the first one.
  tea.publish("waits", ann);
  nowMs = 1000;
  stalled!.resume();
  await tea.settle();
  assertEquals([countOf(counters.sweepSeconds), counters.sweepSeconds.sum], [1, 1]);
});

Deno.test("Room.maxLagBytes is the lag of the slowest reader", async () => {
  const test = new TestRoom();
  const [_fast, slow] = test.join("fast", "slow");
  slow!.stall();
  test.publish("x".repeat(10));
  await test.fireTimers();
  assertEquals(test.room.maxLagBytes, 0);
  for (let count = 0; count < 2; count++) test.publish("x".repeat(10));
  await test.fireTimers();
  // The first message is under way.
  assertEquals(test.room.maxLagBytes, 24);
  slow!.resume();
  await test.settle();
  assertEquals(test.room.maxLagBytes, 0);
});

Deno.test("Room reports joins later if many members are told of them", async () => {
  const test = new TestRoom();
  const { room } = test;
  const wire = { sender: { deliver: () => true, sendFrames: () => {} }, close: () => {} };
  const join = (id: string) => {
    const client = { id, address: "", author: { id, name: null }, room, wire } as const;
    const access = { clientFormat: "chorus.v1", access: OPEN_ACCESS } as const;
    const member = { ...client, ...access, session: "", maxMessageBytes: 1000 };
    room.join(new ChorusMember(member, NO_RENEWAL));
  };
  for (let index = 0; index < 1000; index++) join(`${index}`);
  assertEquals(test.timerMs, 50);
  await test.fireTimers();
  test.join("plain");
  assertEquals(test.timerMs, 200);
});
