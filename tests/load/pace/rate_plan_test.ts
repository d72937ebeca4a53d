import { assertEquals } from "@std/assert";
import { ratePlanOf, stageAt } from "../../../lib/load/pace/rate_plan.ts";

const FLAGS = { rate: 0, stage: [], warmupMs: 1000, durationMs: 0 };

Deno.test("ratePlanOf() sends at --rate for --duration", () => {
  const { pacer, steadyMessages, ...plan } = ratePlanOf({ ...FLAGS, rate: 50, durationMs: 2000 });
  assertEquals(plan, { warmupMs: 1000, steadyMs: 2000, stages: [], peakRate: 50 });
  assertEquals([pacer!.dueMs(3), steadyMessages(2000)], [60, 100]);
});

Deno.test("ratePlanOf() has no pacer if users send at their intervals", () => {
  assertEquals(ratePlanOf(FLAGS).pacer, undefined);
});

Deno.test("ratePlanOf() ramps from 0 without a warm-up", () => {
  const plan = ratePlanOf({ ...FLAGS, stage: ["10s:100", "2s:40"] });
  assertEquals([plan.warmupMs, plan.steadyMs, plan.peakRate], [0, 12_000, 100]);
  assertEquals([plan.steadyMessages(10_000), plan.steadyMessages(12_000)], [500, 640]);
  assertEquals(plan.pacer!.dueMs(0), 0);
  assertEquals(plan.pacer!.dueMs(500), 10_000);
});

Deno.test("ratePlanOf() warms up at --rate before the first stage", () => {
  const plan = ratePlanOf({ ...FLAGS, rate: 100, stage: ["1s:300"] });
  assertEquals([plan.warmupMs, plan.steadyMs], [1000, 1000]);
  assertEquals([plan.steadyMessages(1000), plan.pacer!.dueMs(100)], [200, 1000]);
  assertEquals(plan.pacer!.dueMs(300), Infinity);
});

Deno.test("stageAt() is the index of the stage, from 1", () => {
  const { stages } = ratePlanOf({ ...FLAGS, stage: ["1s:1", "0:5", "2s:5"] });
  assertEquals([0, 999, 1000, 2999, 9000].map((ms) => stageAt(stages, ms)), [1, 1, 3, 3, 3]);
  assertEquals(stageAt([], 5), undefined);
});
