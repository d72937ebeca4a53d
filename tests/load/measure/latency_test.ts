import { assert, assertEquals } from "@std/assert";
import { LatencyHistogram } from "../../../lib/load/measure/latency.ts";
import { LatencyBins } from "../../../lib/load/measure/latency_bins.ts";

Deno.test("LatencyBins counts short latencies by the microsecond, and long ones with three digits", () => {
  for (const us of [0, 1, 2, 1023, 1024, 2047]) {
    const bins = new LatencyBins();
    bins.record(us + 0.9);
    assertEquals([...bins.take()], [us, 1]);
  }
  for (let us = 2048; us < 2 ** 31; us = Math.ceil(us * 1.01)) {
    const bins = new LatencyBins();
    bins.record(us);
    const [least, count] = bins.take();
    assertEquals(count, 1);
    assert(least! <= us && us - least! < us / 1000);
  }
});

Deno.test("LatencyBins counts negative latencies as 0, and too long ones as half an hour", () => {
  const bins = new LatencyBins();
  for (const us of [-5, 0, 2 ** 40, Infinity]) bins.record(us);
  const [zero, zeros, longest, longs] = bins.take();
  assertEquals([zero, zeros, longs], [0, 2, 2]);
  assert(longest! > 0.999 * 2 ** 31);
});

Deno.test("LatencyBins.take() returns each latency once", () => {
  const bins = new LatencyBins();
  for (const us of [5, 7, 5]) bins.record(us);
  assertEquals([...bins.take()], [5, 2, 7, 1]);
  assertEquals([...bins.take()], []);
});

Deno.test("LatencyHistogram has the percentiles of latencies counted in bins, in milliseconds", () => {
  const [bins, histogram] = [new LatencyBins(), new LatencyHistogram()];
  assertEquals(histogram.summary, undefined);
  for (let ms = 1; ms <= 1000; ms++) bins.record(ms * 1000);
  histogram.add(bins.take());
  const { count, p50, p90, p99, "p99.9": p999, max } = histogram.summary!;
  assertEquals(count, 1000);
  const expected = [500, 900, 990, 999, 1000];
  [p50, p90, p99, p999, max].forEach((ms, at) => {
    assert(Math.abs(ms - expected[at]!) <= expected[at]! / 500);
  });
});

Deno.test("LatencyHistogram.distributionText has the format of HdrHistogram's tools", () => {
  const histogram = new LatencyHistogram();
  histogram.record(1500);
  const lines = histogram.distributionText.split("\n");
  assertEquals(lines[0]!.trim().split(/\s+/), [
    "Value",
    "Percentile",
    "TotalCount",
    "1/(1-Percentile)",
  ]);
  assert(lines.some((line) => /^\s+1\.500 0\.0+ +1 /.test(line)));
});
