import { assertEquals } from "@std/assert";
import {
  changeOf,
  compare,
  comparisonLines,
  formatChange,
} from "../../../lib/load/report/comparison.ts";
import { GATE_METRICS } from "../../../lib/load/report/gate.ts";
import { Summary } from "../../../lib/load/measure/summary.ts";
import { baselineOf, FINISHED, GOOD, LATENCY } from "./measurements.ts";

for (
  const [metric, value, baseline, text, judgement] of [
    ["p99", 4.4, 4, "+10.0 %", "worse"],
    ["p99", 3.6, 4, "-10.0 %", "better"],
    ["p99", 4.1, 4, "+2.5 %", undefined],
    ["p99", 8, 4, "2x", "worse"],
    ["p99", 1, 4, "0.25x", "better"],
    ["p99", 4, 4, "0.0 %", undefined],
    ["p99", 4.0001, 4, "0.0 %", undefined],
    ["p99", undefined, 4, "–", undefined],
    ["p99", 4, undefined, "–", undefined],
    ["rate", 90, 100, "-10.0 %", "worse"],
    ["rate", 110, 100, "+10.0 %", "better"],
    ["rate", 110, 0, "–", "better"],
    ["rate", 0, 0, "0.0 %", undefined],
    ["lost", 1, 0, "+1", "worse"],
    ["lost", 0, 1500, "-1,500", "better"],
    ["lost", 0, 0, "0", undefined],
    ["delivered", 101, 100, "+1", undefined],
    ["foreign", 5, 0, "+5", undefined],
  ] as const
) {
  Deno.test(`changeOf() finds ${text} of ${metric} from ${baseline} to ${value}`, () => {
    const change = changeOf(metric, value, baseline);
    assertEquals([formatChange(change), change.judgement], [text, judgement]);
  });
}

Deno.test("comparisonLines() shows every metric, and what the runs were asked for", () => {
  const run = {
    ...GOOD,
    ledger: { ...GOOD.ledger, lost: 2, delivered: 1800 },
    latencies: { ...GOOD.latencies, delivery: { ...LATENCY, p99: 9, max: 1204.5 } },
  };
  const config = { ...FINISHED.config, rate: 500, durationMs: 1000, expect: ["lost=0"] };
  const comparison = compare(run, config, baselineOf(FINISHED));
  const metrics = ["delivered", "lost", "foreign", "p50", "p99", "max", "rate", "deliveries"];
  const notMeasured = ["misordered", "refused", "unanswered", "unreached", "missed", "unrecorded"];
  assertEquals(
    comparison.changes.map(({ metric }) => metric),
    GATE_METRICS.filter((each) => !notMeasured.includes(each)),
  );
  const changes = comparison.changes.filter(({ metric }) => metrics.includes(metric));
  assertEquals(
    comparisonLines({ ...comparison, changes }).join("\n"),
    `Baseline: run of 2026-11-26 22:30:12 UTC with Chorus 0.1.0
  asked for    --duration 1s instead of 5s, --rate 500 instead of 100
  metric              this run      baseline        change
  delivered              1,800            20        +1,780
  lost                       2             0            +2  worse
  foreign                    3             3             0
  p50, ms                 1.00          1.00         0.0 %
  p99, ms                 9.00          3.00            3x  worse
  max, ms             1,204.50          5.00        240.9x  worse
  rate/s                   100           100         0.0 %
  deliveries/s             200           200         0.0 %`,
  );
});

Deno.test("compare() leaves out what neither run measured", () => {
  const nothing = { ...GOOD, summary: new Summary() };
  const { changes } = compare(
    nothing,
    FINISHED.config,
    baselineOf({ ...FINISHED, measurement: nothing }),
  );
  assertEquals(changes.map(({ metric }) => metric), ["failed"]);
});
