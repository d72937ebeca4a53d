import { assertEquals } from "@std/assert";
import { LoopLag } from "../../../lib/server/metrics/loop_lag.ts";
import { countOf } from "../../chat/count_of.ts";

Deno.test("LoopLag counts how late a timer of 100 ms has run, until it is disposed", () => {
  const clock = { nowMs: 1000 };
  const timers: { run: () => void; ms: number }[] = [];
  const lag = new LoopLag({
    monotonicMs: () => clock.nowMs,
    startInterval: (run, ms) => {
      timers.push({ run, ms });
      return () => timers.pop();
    },
  });
  lag.start();
  const [{ run, ms } = { run: () => {}, ms: 0 }] = timers;
  assertEquals(ms, 100);
  const runAt = (nowMs: number) => {
    clock.nowMs = nowMs;
    run();
    return [countOf(lag.seconds), lag.seconds.sum];
  };
  assertEquals(runAt(1350), [1, 0.25]);
  // A timer may also run a fraction too early.
  assertEquals(runAt(1449.9), [2, 0.25]);
  // Late runs do not add up.
  assertEquals(runAt(1549.9 + 500), [3, 0.75]);
  lag[Symbol.dispose]();
  assertEquals(timers, []);
});

Deno.test({
  name: "LoopLag uses the timer of the system by default, and stops it",
  // The test fails if a timer is left.
  sanitizeOps: true,
  fn: () => {
    using lag = new LoopLag();
    lag.start();
  },
});
