import { assertEquals } from "@std/assert";
import { judgeGate, parseGate } from "../../../lib/load/report/gate.ts";

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
  ] as const
) {
  Deno.test(`judgeGate() ${isPassed ? "passes" : "fails"} ${text} for ${value}`, () => {
    const gate = parseGate(text)!;
    const measured = value === undefined ? {} : { [gate.metric]: value };
    assertEquals(judgeGate(gate, measured), { gate, value, isPassed });
  });
}

for (const text of ["", "p99", "p98<1ms", "p99<250", "lost=0ms", "lost==0", "lost=-1", "p99<xms"]) {
  Deno.test(`parseGate() rejects "${text}"`, () => {
    assertEquals(parseGate(text), undefined);
  });
}
