import { assertEquals } from "@std/assert";
import { intervalRate, nextDueMs, periodMs } from "../../../lib/load/measure/schedule.ts";

Deno.test("periodMs() scales with the id, or is the same for all", () => {
  assertEquals(periodMs(8, { intervalMs: 2000, every: "scaled" }), 16_000);
  assertEquals(periodMs(8, { intervalMs: 2000, every: "fixed" }), 2000);
});

Deno.test("intervalRate() is the sum of the rates of all users", () => {
  assertEquals(intervalRate(2, { intervalMs: 2000, every: "scaled" }), 0.75);
  assertEquals(intervalRate(3, { intervalMs: 500, every: "fixed" }), 6);
});

const CASES: readonly [elapsedMs: number, dueMs: number][] = [
  [0, 100],
  [99.9, 100],
  [100, 200],
  [103, 200], // late; the next turn is on time again
  [450, 500], // two missed turns are skipped
];

for (const [elapsedMs, dueMs] of CASES) {
  Deno.test(`nextDueMs() after ${elapsedMs} ms is ${dueMs} ms`, () => {
    assertEquals(nextDueMs(elapsedMs, 100), dueMs);
  });
}
