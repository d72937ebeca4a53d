import { assertEquals } from "@std/assert";
import { StageBins, StageMerger } from "../../../lib/load/measure/stage_results.ts";
import { ratePlanOf } from "../../../lib/load/pace/rate_plan.ts";

const { stages } = ratePlanOf({
  rate: 0,
  stage: ["1s:10", "2s:20", "1s:0"],
  warmupMs: 0,
  durationMs: 0,
});

/** The steady phase begins 500 ms after the run. */
const STEADY_MS = 500;

Deno.test("StageBins counts a message in the stage in which it was due", () => {
  const bins = new StageBins(stages, STEADY_MS);
  for (const ms of [500, 1499, 1500, 3499, 3500, 9000]) bins.recordSent(ms * 1000);
  bins.recordDelivery(1_499_999, 7);
  bins.recordDelivery(1_500_000, 8);
  const taken = bins.take();
  assertEquals(taken.map(({ sent }) => sent), [2, 2, 2]);
  assertEquals(taken.map(({ latencies }) => [...latencies]), [[7, 1], [8, 1], []]);
  assertEquals(bins.take().map(({ sent, latencies }) => [sent, latencies.length]), [
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
});

Deno.test("StageMerger adds the counts of all workers", () => {
  const merger = new StageMerger(stages);
  for (const offset of [0, 1]) {
    const bins = new StageBins(stages, STEADY_MS);
    for (let ms = 500; ms < 4500; ms += 100) {
      bins.recordSent(ms * 1000);
      bins.recordDelivery(ms * 1000, 2000 + offset);
    }
    merger.add(bins.take());
  }
  const results = merger.results(3999.9999, 0);
  assertEquals(
    results.map(({ startRate, rate, seconds, sent, achievedRate, deliveriesPerSecond }) => [
      ...[startRate, rate, seconds, sent, achievedRate, deliveriesPerSecond],
    ]),
    [[0, 10, 1, 20, 20, 20], [10, 20, 2, 40, 20, 20], [20, 0, 1, 20, 20, 20]],
  );
  assertEquals(results.map(({ latency }) => latency?.count), [20, 40, 20]);
});

for (
  const [name, missing, steadyMs, lost, lostByStage] of [
    ["what was missing at the end of the run to the last", [2, 5], 4000, 9, [2, 3, 4]],
    ["nothing if what was missing arrived late", [2, 0], 4000, 0, [2, 0, 0]],
    ["all to the first if the run ends in it", [], 600, 3, [3]],
    ["nothing to those that did not begin", [2], 2000, 2, [2, 0]],
  ] as const
) {
  Deno.test(`StageMerger attributes ${name}`, () => {
    const merger = new StageMerger(stages);
    for (const each of missing) merger.endStage(each);
    assertEquals(merger.results(steadyMs, lost).map((each) => each.lost), [...lostByStage]);
  });
}
