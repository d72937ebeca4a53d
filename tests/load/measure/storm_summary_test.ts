import { assertEquals } from "@std/assert";
import { type StormCounts, summarizeStorm } from "../../../lib/load/measure/storm_summary.ts";

function countsOf(overrides: Partial<StormCounts>): StormCounts {
  return {
    cut: 0,
    backMs: [],
    upToDateMs: [],
    lost: 0,
    missed: 0,
    duplicated: 0,
    cutOff: 0,
    publishedAgain: 0,
    failures: new Map(),
    ...overrides,
  };
}

Deno.test("summarizeStorm() merges the times of all workers", () => {
  const storm = summarizeStorm([
    countsOf({ cut: 2, backMs: [500, 300], lost: 1, failures: new Map([["HTTP 503", 2]]) }),
    countsOf({ cut: 3, backMs: [310, 390, 400], lost: 2, failures: new Map([["HTTP 503", 1]]) }),
  ], { isResumed: true });
  assertEquals([storm.cut, storm.back, storm.lost], [5, 5, 3]);
  assertEquals(storm.backMs, { half: 390, p99: 500, all: 500 });
  assertEquals(storm.connectsPerSecond, { peak: 30, mean: 10 });
  assertEquals([storm.failures, storm.upToDateMs.half], [new Map([["HTTP 503", 3]]), undefined]);
});

Deno.test("summarizeStorm() knows no time that was not reached", () => {
  const half = summarizeStorm([countsOf({ cut: 4, backMs: [10, 20] })], { isResumed: false });
  assertEquals(half.backMs, { half: 20, p99: undefined, all: undefined });
  const nobody = summarizeStorm([countsOf({ cut: 4 })], { isResumed: false });
  assertEquals(nobody.backMs, { half: undefined, p99: undefined, all: undefined });
  assertEquals(nobody.connectsPerSecond, { peak: 0, mean: 0 });
});
