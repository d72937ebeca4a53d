import { assertEquals } from "@std/assert";
import { LoopLag } from "../../../lib/server/metrics/loop_lag.ts";
import { countOf } from "../../chat/count_of.ts";

Deno.test("LoopLag.observe() counts how late a timer of 100 ms has run", () => {
  using lag = new LoopLag();
  lag.expect(1000);
  lag.observe(1350);
  assertEquals(lag.seconds.sum, 0.25);
  // A timer may also run a fraction too early.
  lag.expect(2000);
  lag.observe(2099.9);
  assertEquals(lag.seconds.sum, 0.25);
  assertEquals(countOf(lag.seconds), 2);
});

Deno.test("LoopLag.start() measures until it is disposed", async () => {
  const lag = new LoopLag();
  lag.start();
  while (countOf(lag.seconds) === 0) await after(10);
  lag[Symbol.dispose]();
  const count = countOf(lag.seconds);
  // Its timer would be due before this one.
  await after(101);
  assertEquals(countOf(lag.seconds), count);
});

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
