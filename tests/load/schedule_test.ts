import { assert, assertEquals } from "@std/assert";
import { backoffMs } from "../../lib/load/backoff.ts";
import { arrivalIntervalMs, nextDueMs, periodMs } from "../../lib/load/schedule.ts";

Deno.test("periodMs() scales with the id, or not", () => {
  assertEquals(periodMs(8, { intervalMs: 2000, every: "scaled" }), 16_000);
  assertEquals(periodMs(8, { intervalMs: 2000, every: "fixed" }), 2000);
});

const CASES: readonly [elapsedMs: number, dueMs: number][] = [
  [0, 100],
  [99.9, 100],
  [100, 200],
  [103, 200], // late, but the next turn is not
  [450, 500], // two turns missed: they are skipped
];

for (const [elapsedMs, dueMs] of CASES) {
  Deno.test(`nextDueMs() after ${elapsedMs} ms is ${dueMs} ms`, () => {
    assertEquals(nextDueMs(elapsedMs, 100), dueMs);
  });
}

Deno.test("backoffMs() doubles from half a second to ten, less up to half", () => {
  assertEquals([0, 1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(attempt, 0)), [
    500,
    1000,
    2000,
    4000,
    8000,
    10_000,
    10_000,
  ]);
  assertEquals(backoffMs(1, 0.5), 750);
  assert(backoffMs(0, 0.999) > 250);
});

Deno.test("arrivalIntervalMs() is the rate's, or the stagger", () => {
  assertEquals(arrivalIntervalMs({ connectRate: 200, staggerMs: 50 }), 5);
  assertEquals(arrivalIntervalMs({ connectRate: 0, staggerMs: 50 }), 50);
});
