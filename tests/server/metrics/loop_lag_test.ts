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

Deno.test("LoopLag.start() measures until it is disposed", async () => {
  const lag = new LoopLag();
  lag.start();
  while (lag.seconds.count === 0) await after(10);
  lag[Symbol.dispose]();
  const { count } = lag.seconds;
  // Its timer would be due before this one.
  await after(101);
  assertEquals(lag.seconds.count, count);
});

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
