import { assertEquals } from "@std/assert";
import { ReadTurns } from "../../../lib/websocket/transport/read_turns.ts";

/** Turns whose timer is run by hand, and readers that note when they read on. */
function setUp() {
  const timers: (() => void)[] = [];
  const readOn: string[] = [];
  const turns = new ReadTurns((run) => timers.push(run));
  return {
    readOn,
    wait: (name: string) => turns.wait({ readOn: () => readOn.push(name) }),
    runTimer: () => timers.shift()!(),
    timers,
  };
}

Deno.test("ReadTurns lets a reader read on after one timer", () => {
  const { readOn, wait, runTimer, timers } = setUp();
  wait("one");
  assertEquals(readOn, []);
  runTimer();
  assertEquals([readOn, timers], [["one"], []]);
});

Deno.test("ReadTurns lets no reader read on while others begin to wait", () => {
  const { readOn, wait, runTimer, timers } = setUp();
  wait("one");
  wait("two");
  runTimer();
  wait("three");
  runTimer();
  assertEquals(readOn, []);
  runTimer();
  assertEquals([readOn, timers], [["one", "two", "three"], []]);
});

Deno.test("ReadTurns lets a reader that waits again wait for the next timer", () => {
  const timers: (() => void)[] = [];
  const turns = new ReadTurns((run) => timers.push(run));
  let count = 0;
  const reader = {
    readOn: () => {
      count++;
      turns.wait(reader);
    },
  };
  turns.wait(reader);
  timers.shift()!();
  assertEquals([count, timers.length], [1, 1]);
});
