import { assertEquals } from "@std/assert";
import { LoopLag } from "../../../lib/server/metrics/loop_lag.ts";

Deno.test("LoopLag.observe() counts how late a timer of 100 ms has run", () => {
  using lag = new LoopLag();
  lag.expect(1000);
  lag.observe(1350);
  assertEquals(lag.seconds.sum, 0.25);
  // A timer may also run a fraction too early.
  lag.expect(2000);
  lag.observe(2099.9);
  assertEquals(lag.seconds.sum, 0.25);
  assertEquals(lag.seconds.count, 2);
});
