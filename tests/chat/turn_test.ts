import { assertEquals, assertThrows } from "@std/assert";
import { Turn } from "../../lib/chat/turn.ts";

/** A turn whose end the test runs, and a clock that ticks with each reading. */
function setUp() {
  const ends: (() => void)[] = [];
  let nowMs = 0;
  const turn = new Turn(() => ++nowMs, (run) => ends.push(run));
  return { turn, ends };
}

Deno.test("Turn.nowMs is the same until the turn ends", () => {
  const { turn, ends } = setUp();
  assertEquals([turn.nowMs, turn.nowMs, ends.length], [1, 1, 1]);
  ends.shift()!();
  assertEquals([turn.nowMs, turn.nowMs, ends.length], [2, 2, 1]);
});

Deno.test("Turn.defer() runs functions in their order at the end of the turn", () => {
  const { turn, ends } = setUp();
  const calls: string[] = [];
  turn.defer(() => calls.push(`first at ${turn.nowMs}`));
  turn.defer(() => calls.push("second"));
  assertEquals([calls, turn.nowMs, ends.length], [[], 1, 1]);
  ends.shift()!();
  assertEquals(calls, ["first at 2", "second"]);
});

Deno.test("Turn.defer() runs what a deferred function defers at the end of the next turn", () => {
  const { turn, ends } = setUp();
  const calls: string[] = [];
  turn.defer(() => {
    calls.push("first");
    turn.defer(() => calls.push("second"));
  });
  ends.shift()!();
  assertEquals([calls, ends.length], [["first"], 1]);
  ends.shift()!();
  assertEquals(calls, ["first", "second"]);
});

Deno.test("Turn.defer() runs the rest in the next turn if a function throws", () => {
  const { turn, ends } = setUp();
  const calls: string[] = [];
  turn.defer(() => {
    throw new RangeError("a bug");
  });
  turn.defer(() => calls.push("second"));
  turn.defer(() => calls.push("third"));
  assertThrows(ends.shift()!, RangeError, "a bug");
  assertEquals([calls, ends.length], [[], 1]);
  ends.shift()!();
  assertEquals(calls, ["second", "third"]);
});
