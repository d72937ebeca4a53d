import { assertEquals } from "@std/assert";
import { progressLine } from "../../../lib/load/report/progress.ts";
import { ratePlanOf } from "../../../lib/load/pace/rate_plan.ts";
import type { TimelinePoint } from "../../../lib/load/measure/recorder.ts";

const POINT: TimelinePoint = {
  seconds: 7,
  phase: "steady",
  phaseSeconds: 3.1,
  connections: 500,
  sentPerSecond: 3999.7,
  deliveriesPerSecond: 1_996_000,
  p50: 1,
  p99: 9,
  p99SoFar: 5.21,
  missing: 2,
  busyCores: 0.5,
};

const PLAN = { warmupMs: 5000, steadyMs: 10_000, stages: [] };

const REST = "4000 sent/s · 1996000 delivered/s · p99 5.2 ms · missing 2 · 500 open";

for (
  const [part, line] of [
    [{ phase: "connecting" }, "connecting 3 s · 500 open"],
    [{ phase: "warm-up" }, `warm-up 3 of 5 s · ${REST}`],
    [{ phase: "steady" }, `steady 3 of 10 s · ${REST}`],
    [{ phase: "draining" }, `draining 3 s · ${REST}`],
    [{ p99SoFar: undefined }, `steady 3 of 10 s · ${REST.replace("5.2", "–")}`],
  ] as const
) {
  Deno.test(`progressLine() is ${line}`, () => {
    assertEquals(progressLine({ ...POINT, ...part }, PLAN), line);
  });
}

Deno.test("progressLine() shows no total if the run has no end", () => {
  assertEquals(progressLine(POINT, { ...PLAN, steadyMs: 0 }), `steady 3 s · ${REST}`);
});

Deno.test("progressLine() shows the stage", () => {
  const { stages } = ratePlanOf({
    rate: 0,
    stage: ["1s:10", "9s:20", "1s:0"],
    warmupMs: 0,
    durationMs: 0,
  });
  assertEquals(
    progressLine({ ...POINT, stage: 2 }, { ...PLAN, stages }),
    `steady 3 of 10 s · stage 2 of 3 · ${REST}`,
  );
});
