import { assertEquals } from "@std/assert";
import { NO_COUNTS } from "../../../lib/load/measure/ledger/delivery_counts.ts";
import { GATE_METRICS, judgeGate, parseGate, parseGates } from "../../../lib/load/report/gate.ts";

for (
  const [text, value, isPassed] of [
    ["p99<250ms", 249.9, true],
    ["p99<250ms", 250, false],
    ["p99.9<=0.5s", 500, true],
    ["p50<800us", 0.9, false],
    ["max>=1ms", 1, true],
    ["lost=0", 0, true],
    ["lost = 0", 1, false],
    ["rate>99.5", 99.6, true],
    ["deliveries>1000", 1000, false],
    ["p99<250ms", undefined, false],
    ["foreign<=3", 3, true],
  ] as const
) {
  Deno.test(`judgeGate() ${isPassed ? "passes" : "fails"} ${text} for ${value}`, () => {
    const gate = parseGate(text)!;
    const measured = value === undefined ? {} : { [gate.metric]: value };
    assertEquals(judgeGate(gate, measured), { gate, value, baseline: undefined, isPassed });
  });
}

for (
  const [text, value, baseline, isPassed] of [
    ["p99<=1.1x", 11, 10, true],
    ["p99<=1.1x", 11.1, 10, false],
    ["rate>=0.95x", 95, 100, true],
    ["rate>=0.95x", 94.9, 100, false],
    ["lost<=1x", 0, 0, true],
    ["lost<=1x", 1, 0, false],
    ["p99<=1.1x", 1, undefined, false],
    ["p99<=1.1x", undefined, 10, false],
  ] as const
) {
  Deno.test(`judgeGate() ${isPassed ? "passes" : "fails"} ${text} for ${value} after ${baseline}`, () => {
    const gate = parseGate(text)!;
    const valuesOf = (value: number | undefined) =>
      value === undefined ? {} : { [gate.metric]: value };
    assertEquals(judgeGate(gate, valuesOf(value), valuesOf(baseline)), {
      gate,
      value,
      baseline,
      isPassed,
    });
  });
}

Deno.test("GATE_METRICS has every count of the ledger", () => {
  assertEquals(
    Object.keys(NO_COUNTS).filter((key) => !GATE_METRICS.some((each) => each === key)),
    [],
  );
});

Deno.test("parseGates() parses gates separated by commas, but no relative ones", () => {
  assertEquals(parseGates("p99<4ms, lost=0")?.map(({ text }) => text), ["p99<4ms", "lost=0"]);
  assertEquals([parseGates("p99<4ms,lost"), parseGates("p99<=1.1x")], [undefined, undefined]);
});

for (
  const text of [
    "",
    "p99",
    "p98<1ms",
    "p99<250",
    "lost=0ms",
    "lost==0",
    "lost=-1",
    "p99<xms",
    "p99<1msx",
  ]
) {
  Deno.test(`parseGate() rejects "${text}"`, () => {
    assertEquals(parseGate(text), undefined);
  });
}
