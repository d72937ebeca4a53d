import { assert, assertEquals } from "@std/assert";
import { parseStage, type Stage, StagePacer } from "../../../lib/load/pace/stages.ts";

for (
  const [text, stage] of [
    ["30s:1000", { durationMs: 30_000, rate: 1000 }],
    ["1.5m:0", { durationMs: 90_000, rate: 0 }],
    ["0:1000000", { durationMs: 0, rate: 1_000_000 }],
    ["0:1000001", undefined],
    ["30:1000", undefined],
    ["30s", undefined],
    ["30s:", undefined],
    [":10", undefined],
    ["30s:1.5", undefined],
    ["30s:-1", undefined],
  ] as const
) {
  Deno.test(`parseStage() ${stage ? "reads" : "rejects"} ${text}`, () => {
    assertEquals(parseStage(text), stage);
  });
}

/** Up to 100 in 10 s, hold for 10 s, jump to 300, hold for 1 s, down to 0 in 2 s, pause, up. */
const STAGES: readonly Stage[] = [
  { durationMs: 10_000, rate: 100 },
  { durationMs: 10_000, rate: 100 },
  { durationMs: 0, rate: 300 },
  { durationMs: 1000, rate: 300 },
  { durationMs: 2000, rate: 0 },
  { durationMs: 5000, rate: 0 },
  { durationMs: 2000, rate: 10 },
];

/** Without the last digits, which differ from the exact result. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

for (
  const [elapsedMs, messages] of [
    [-1, 0],
    [0, 0],
    [5000, 125],
    [10_000, 500],
    [15_000, 1000],
    [20_000, 1500],
    [20_500, 1650],
    [21_000, 1800],
    [22_000, 2025],
    [23_000, 2100],
    [26_000, 2100],
    [28_000, 2100],
    [29_000, 2102.5],
    [30_000, 2110],
    [99_000, 2110],
  ] as const
) {
  Deno.test(`StagePacer.messagesBy() is ${messages} after ${elapsedMs} ms`, () => {
    assertEquals(rounded(new StagePacer(STAGES, 0).messagesBy(elapsedMs)), messages);
  });
}

for (
  const [index, dueMs] of [
    [0, 0],
    [125, 5000],
    [500, 10_000],
    [1000, 15_000],
    [1500, 20_000],
    [1650, 20_500],
    [1800, 21_000],
    [2025, 22_000],
    // While the rate is 0, no message is due.
    [2100, 28_000],
    [2102.5, 29_000],
    [2110, Infinity],
    [1e9, Infinity],
  ] as const
) {
  Deno.test(`StagePacer.dueMs() of message ${index} is ${dueMs}`, () => {
    assertEquals(rounded(new StagePacer(STAGES, 0).dueMs(index)), dueMs);
  });
}

Deno.test("StagePacer.dueMs() is the inverse of messagesBy(), and never falls", () => {
  for (const startRate of [0, 1, 250]) {
    const pacer = new StagePacer(STAGES, startRate);
    let before = 0;
    for (let index = 0; index < pacer.messagesBy(Infinity) - 1e-9; index += 0.5) {
      const dueMs = pacer.dueMs(index);
      assert(dueMs >= before, `message ${index} is due at ${dueMs}, after ${before}`);
      assertEquals(rounded(pacer.messagesBy(dueMs)), index);
      before = dueMs;
    }
  }
});

Deno.test("StagePacer starts at the start rate", () => {
  const pacer = new StagePacer([{ durationMs: 1000, rate: 100 }], 100);
  assertEquals([0, 1, 2, 99].map((index) => pacer.dueMs(index)), [0, 10, 20, 990]);
});
