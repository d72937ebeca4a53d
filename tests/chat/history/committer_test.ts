import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { ChatCounters } from "../../../lib/chat/counters.ts";
import type { Batch } from "../../../lib/chat/history/history.ts";
import { type Committable, Committer } from "../../../lib/chat/history/committer.ts";
import { countOf } from "../count_of.ts";

/** A committer whose deferred functions, timers, and commits the test runs. */
class TestCommitter {
  /** The rooms of each transaction, in order. */
  readonly commits: string[][] = [];
  readonly errors: string[] = [];
  readonly committer: Committer;
  #turns: (() => void)[] = [];
  #timers: (() => void)[] = [];
  #commit: PromiseWithResolvers<void> | undefined;

  readonly counters = new ChatCounters(() => this.nowMs);
  nowMs = 0;

  constructor() {
    const history = {
      append: (batches: readonly Batch[]) => {
        this.commits.push(batches.map(({ room }) => room));
        this.#commit = Promise.withResolvers();
        return this.#commit.promise;
      },
    };
    this.committer = new Committer(history, {
      counters: this.counters,
      deferTurn: (run) => this.#turns.push(run),
      startTimer: (run) => this.#timers.push(run),
      onError: (error) => this.errors.push((error as Error).message),
    });
  }

  /** Adds an uncommitted message to a room. */
  publish(room: FakeRoom): void {
    room.uncommitted++;
    this.committer.request(room);
  }

  turn(): void {
    for (const turn of this.#turns.splice(0)) turn();
  }

  fireTimers(): void {
    for (const timer of this.#timers.splice(0)) timer();
  }

  /** Ends the commit under way. */
  async end(error?: Error): Promise<void> {
    if (error) this.#commit!.reject(error);
    else this.#commit!.resolve();
    await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
  }
}

class FakeRoom implements Committable {
  readonly name: string;
  uncommitted = 0;
  isUrgent = false;
  calls: ("committed" | "failed")[] = [];
  #sent = 0;

  constructor(name: string) {
    this.name = name;
  }

  nextBatch(): Batch | undefined {
    this.#sent = this.uncommitted;
    return this.uncommitted === 0 ? undefined : { room: this.name } as Batch;
  }

  onCommitted(): void {
    this.uncommitted -= this.#sent;
    this.calls.push("committed");
  }

  onCommitFailed(): void {
    this.calls.push("failed");
  }
}

Deno.test("messages that nobody waits for gather for a while, over all rooms", async () => {
  const test = new TestCommitter();
  const [tea, milk] = [new FakeRoom("tea"), new FakeRoom("milk")];
  test.publish(tea);
  test.publish(milk);
  test.publish(tea);
  test.turn();
  assertEquals(test.commits, []);
  test.fireTimers();
  test.turn();
  assertEquals(test.commits, [["tea", "milk"]]);
  await test.end();
  assertEquals([tea.calls, milk.calls], [["committed"], ["committed"]]);
  test.fireTimers();
  test.turn();
  assertEquals(test.commits.length, 1);
});

Deno.test("Committer counts commits, how long they take, and those that fail or stall", async () => {
  const test = new TestCommitter();
  const tea = new FakeRoom("tea");
  tea.isUrgent = true;
  const { counters } = test;
  test.publish(tea);
  test.turn();
  test.nowMs = 1000;
  test.fireTimers();
  assertEquals(counters.commitFailures, { failed: 0, stalled: 1 });
  test.nowMs = 2500;
  await test.end();
  assertEquals([counters.commits, counters.commitSeconds.sum], [1, 2.5]);
  test.publish(tea);
  test.turn();
  await test.end(new Error("the disk is full"));
  assertEquals(counters.commitFailures, { failed: 1, stalled: 1 });
  assertEquals([counters.commits, countOf(counters.commitSeconds)], [1, 1]);
});

Deno.test("an urgent room is committed at the end of the turn, and the others with it", () => {
  const test = new TestCommitter();
  const [tea, milk] = [new FakeRoom("tea"), new FakeRoom("milk")];
  test.publish(tea);
  milk.isUrgent = true;
  test.publish(milk);
  assertEquals(test.commits, []);
  test.turn();
  assertEquals(test.commits, [["tea", "milk"]]);
});

Deno.test("messages that arrive during a commit go into the next one", async () => {
  for (const same of [true, false]) {
    const test = new TestCommitter();
    const tea = new FakeRoom("tea");
    const next = same ? tea : new FakeRoom("milk");
    test.publish(tea);
    test.fireTimers();
    test.turn();
    next.isUrgent = true;
    test.publish(next);
    test.turn();
    assertEquals(test.commits, [["tea"]]);
    await test.end();
    test.turn();
    assertEquals(test.commits, [["tea"], [next.name]]);
  }
});

Deno.test("a failed commit is reported and tried again with later messages", async () => {
  const test = new TestCommitter();
  const [tea, milk] = [new FakeRoom("tea"), new FakeRoom("milk")];
  tea.isUrgent = true;
  test.publish(tea);
  test.turn();
  await test.end(new Error("the disk is full"));
  assertEquals(test.errors, ["Cannot commit messages: the disk is full"]);
  assertEquals(tea.calls, ["failed"]);
  test.publish(milk);
  test.turn();
  assertEquals(test.commits.length, 1);
  // First the pause after the failure, then the gathering.
  for (let count = 0; count < 2; count++) test.fireTimers();
  test.turn();
  assertEquals(test.commits, [["tea"], ["tea", "milk"]]);
  await test.end();
  assertEquals([tea.calls, milk.calls], [["failed", "committed"], ["committed"]]);
});

Deno.test("settled() waits for every message and not for those that cannot be committed", async () => {
  const test = new TestCommitter();
  const tea = new FakeRoom("tea");
  await test.committer.settled();
  test.publish(tea);
  let isSettled = false;
  const settling = test.committer.settled().then(() => isSettled = true);
  test.turn();
  test.publish(tea);
  await test.end();
  assertEquals(isSettled, false);
  test.turn();
  await test.end();
  test.turn();
  await settling;
  assertEquals([test.commits.length, tea.uncommitted], [2, 0]);
  test.publish(tea);
  const again = test.committer.settled();
  test.turn();
  await test.end(new Error("the disk is full"));
  await again;
  await test.committer.settled();
});

Deno.test("settled() waits for urgent messages, with one transaction at a time", async () => {
  const test = new TestCommitter();
  const tea = new FakeRoom("tea");
  test.publish(tea);
  let isSettled = false;
  const settling = test.committer.settled().then(() => isSettled = true);
  test.turn();
  tea.isUrgent = true;
  test.publish(tea);
  await test.end();
  test.turn();
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals([test.commits.length, tea.calls, isSettled], [2, ["committed"], false]);
  await test.end();
  test.turn();
  await settling;
  assertEquals([test.commits.length, tea.uncommitted], [2, 0]);
});

Deno.test("stop() starts no transaction, in whatever state the committer is", async () => {
  const test = new TestCommitter();
  const tea = new FakeRoom("tea");
  test.publish(tea);
  test.fireTimers();
  test.turn();
  await test.end(new Error("the disk is full"));
  test.committer.stop();
  tea.isUrgent = true;
  for (let count = 0; count < 3; count++) {
    test.fireTimers();
    test.turn();
    test.publish(tea);
  }
  assertEquals(test.commits, [["tea"]]);
});

Deno.test("a commit that does not end is reported as stalled, and completes when it ends", async () => {
  const test = new TestCommitter();
  const [tea, milk] = [new FakeRoom("tea"), new FakeRoom("milk")];
  tea.isUrgent = true;
  test.publish(tea);
  test.turn();
  test.publish(milk);
  test.fireTimers(); // the gathering, which is over, and the watch
  assertEquals(test.committer.isStalled, true);
  assertEquals(test.errors, ["Cannot commit messages: no answer for 5000 ms"]);
  assertEquals([tea.calls, milk.calls], [["failed"], ["failed"]]);
  await test.end();
  assertEquals([test.committer.isStalled, tea.calls], [false, ["failed", "committed"]]);
  test.fireTimers();
  test.turn();
  assertEquals(test.commits, [["tea"], ["milk"]]);
  await test.end();
  assertEquals(milk.calls, ["failed", "committed"]);
});

Deno.test("Committer.isFailing is true from a failed commit until one succeeds, and while one stalls", async () => {
  const test = new TestCommitter();
  const tea = new FakeRoom("tea");
  tea.isUrgent = true;
  test.publish(tea);
  test.turn();
  assertEquals(test.committer.isFailing, false);
  await test.end(new Error("disk full"));
  assertEquals(test.committer.isFailing, true);
  test.fireTimers(); // the pause, and the watch
  test.fireTimers(); // the gathering
  test.turn();
  assertEquals([test.commits.length, test.committer.isFailing], [2, true]);
  await test.end();
  assertEquals(test.committer.isFailing, false);
  test.publish(tea);
  test.turn();
  for (let count = 0; count < 2; count++) test.fireTimers(); // the watch, which may see another
  assertEquals([test.committer.isStalled, test.committer.isFailing], [true, true]);
  await test.end();
  assertEquals(test.committer.isFailing, false);
});

Deno.test("commits that end are not stalled, however many there are", async () => {
  const test = new TestCommitter();
  const tea = new FakeRoom("tea");
  tea.isUrgent = true;
  for (let count = 0; count < 10; count++) {
    test.publish(tea);
    test.turn();
    if (count % 3 === 2) test.fireTimers();
    await test.end();
  }
  assertEquals([test.committer.isStalled, test.errors], [false, []]);
});

Deno.test("a room that throws does not stop the commits of others", async () => {
  const test = new TestCommitter();
  const [tea, milk] = [new FakeRoom("tea"), new FakeRoom("milk")];
  tea.onCommitted = () => {
    throw new Error("a bug");
  };
  test.publish(tea);
  test.publish(milk);
  test.fireTimers();
  test.turn();
  await test.end();
  assertEquals([test.errors, milk.calls], [["a bug"], ["committed"]]);
  milk.isUrgent = true;
  test.publish(milk);
  test.turn();
  assertEquals(test.commits.length, 2);
});
