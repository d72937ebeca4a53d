import { assert, assertEquals } from "@std/assert";
import { backoffMs } from "../../../lib/load/users/backoff.ts";
import {
  arrivalIntervalMs,
  dueCount,
  nextDueMs,
  periodMs,
  plannedMs,
} from "../../../lib/load/measure/schedule.ts";

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

for (
  const [elapsedMs, rate, count] of [[-1, 10, 0], [0, 10, 1], [99, 10, 1], [100, 10, 2], [
    1000,
    500,
    501,
  ]]
) {
  Deno.test(`dueCount() is ${count} after ${elapsedMs} ms at ${rate}/s`, () => {
    assertEquals(dueCount(elapsedMs!, rate!), count);
  });
}

Deno.test("plannedMs() is when dueCount() grows", () => {
  for (const rate of [1, 3, 50, 4000]) {
    for (let number = 0; number < 100; number++) {
      const atMs = plannedMs(number, rate) + 1e-6;
      assertEquals(dueCount(atMs, rate), number + 1);
    }
  }
});
