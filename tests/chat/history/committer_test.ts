import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import type { Batch, History } from "../../../lib/chat/history/history.ts";
import { type Committable, Committer } from "../../../lib/chat/history/committer.ts";

/** A committer whose turns, timers and commits a test sets off. */
class TestKeeper {
  /** What was asked to be committed, oldest first, each the rooms of one transaction. */
  readonly commits: string[][] = [];
  readonly faults: unknown[] = [];
  readonly committer: Committer<FakeRoom>;
  #turns: (() => void)[] = [];
  #timers: (() => void)[] = [];
  #commit: PromiseWithResolvers<void> | undefined;

  constructor() {
    const history = {
      append: (batches: readonly Batch[]) => {
        this.commits.push(batches.map(({ room }) => room));
        this.#commit = Promise.withResolvers();
        return this.#commit.promise;
      },
    };
    this.committer = new Committer<FakeRoom>(history as Partial<History> as History, {
      defer: (run) => this.#turns.push(run),
      startTimer: (run) => this.#timers.push(run),
      onFault: (error) => this.faults.push(error),
    });
  }

  /** Says something in a room. */
  say(room: FakeRoom): void {
    room.unkept++;
    this.committer.request(room);
  }

  turn(): void {
    for (const turn of this.#turns.splice(0)) turn();
  }

  fireTimers(): void {
    for (const timer of this.#timers.splice(0)) timer();
  }

  /** Ends the commit under way. */
  async end(fault?: Error): Promise<void> {
    if (fault) this.#commit!.reject(fault);
    else this.#commit!.resolve();
    await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
  }
}

class FakeRoom implements Committable {
  readonly name: string;
  unkept = 0;
  isUrgent = false;
  told: ("kept" | "not committed")[] = [];
  #sent = 0;

  constructor(name: string) {
    this.name = name;
  }

  nextBatch(): Batch | undefined {
    this.#sent = this.unkept;
    return this.unkept === 0 ? undefined : { room: this.name } as Batch;
  }

  onCommitted(): void {
    this.unkept -= this.#sent;
    this.told.push("kept");
  }

  onCommitFailed(): void {
    this.told.push("not committed");
  }
}

Deno.test("what nobody waits for is gathered for a while, of all rooms", async () => {
  const test = new TestKeeper();
  const [tea, milk] = [new FakeRoom("tea"), new FakeRoom("milk")];
  test.say(tea);
  test.say(milk);
  test.say(tea);
  test.turn();
  assertEquals(test.commits, []);
  test.fireTimers();
  test.turn();
  assertEquals(test.commits, [["tea", "milk"]]);
  await test.end();
  assertEquals([tea.told, milk.told], [["kept"], ["kept"]]);
  test.fireTimers();
  test.turn();
  assertEquals(test.commits.length, 1);
});

Deno.test("what somebody waits for is kept at the end of the turn, and the rest with it", () => {
  const test = new TestKeeper();
  const [tea, milk] = [new FakeRoom("tea"), new FakeRoom("milk")];
  test.say(tea);
  milk.isUrgent = true;
  test.say(milk);
  assertEquals(test.commits, []);
  test.turn();
  assertEquals(test.commits, [["tea", "milk"]]);
});

Deno.test("what is said during a commit is in the next one, at once if somebody waits", async () => {
  for (const same of [true, false]) {
    const test = new TestKeeper();
    const tea = new FakeRoom("tea");
    const next = same ? tea : new FakeRoom("milk");
    test.say(tea);
    test.fireTimers();
    test.turn();
    next.isUrgent = true;
    test.say(next);
    test.turn();
    assertEquals(test.commits, [["tea"]]);
    await test.end();
    test.turn();
    assertEquals(test.commits, [["tea"], [next.name]]);
  }
});

Deno.test("what could not be kept is told, and tried again with what is said later", async () => {
  const test = new TestKeeper();
  const [tea, milk] = [new FakeRoom("tea"), new FakeRoom("milk")];
  tea.isUrgent = true;
  test.say(tea);
  test.turn();
  const fault = new Error("the disk is full");
  await test.end(fault);
  assertEquals([test.faults, tea.told], [[fault], ["not committed"]]);
  test.say(milk);
  test.turn();
  assertEquals(test.commits.length, 1);
  // First the pause after the failure, and then the gathering.
  for (let count = 0; count < 2; count++) test.fireTimers();
  test.turn();
  assertEquals(test.commits, [["tea"], ["tea", "milk"]]);
  await test.end();
  assertEquals([tea.told, milk.told], [["not committed", "kept"], ["kept"]]);
});

Deno.test("settled() waits for all that was said, and not for what cannot be kept", async () => {
  const test = new TestKeeper();
  const tea = new FakeRoom("tea");
  await test.committer.settled();
  test.say(tea);
  let isSettled = false;
  const settling = test.committer.settled().then(() => isSettled = true);
  test.turn();
  test.say(tea);
  await test.end();
  assertEquals(isSettled, false);
  test.turn();
  await test.end();
  test.turn();
  await settling;
  assertEquals([test.commits.length, tea.unkept], [2, 0]);
  test.say(tea);
  const again = test.committer.settled();
  test.turn();
  await test.end(new Error("the disk is full"));
  await again;
  await test.committer.settled();
});

Deno.test("settled() waits for what is urgent, too, with one transaction at a time", async () => {
  const test = new TestKeeper();
  const tea = new FakeRoom("tea");
  test.say(tea);
  let isSettled = false;
  const settling = test.committer.settled().then(() => isSettled = true);
  test.turn();
  tea.isUrgent = true;
  test.say(tea);
  await test.end();
  test.turn();
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals([test.commits.length, tea.told, isSettled], [2, ["kept"], false]);
  await test.end();
  test.turn();
  await settling;
  assertEquals([test.commits.length, tea.unkept], [2, 0]);
});

Deno.test("a committer that is stopped begins nothing, whether it gathered, waited or was asked again", async () => {
  const test = new TestKeeper();
  const tea = new FakeRoom("tea");
  test.say(tea);
  test.fireTimers();
  test.turn();
  await test.end(new Error("the disk is full"));
  test.committer.stop();
  tea.isUrgent = true;
  for (let count = 0; count < 3; count++) {
    test.fireTimers();
    test.turn();
    test.say(tea);
  }
  assertEquals(test.commits, [["tea"]]);
});
