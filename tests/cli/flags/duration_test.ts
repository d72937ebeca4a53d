import { assertEquals } from "@std/assert";
import { formatDurationMs, parseDurationMs } from "../../../lib/cli/flags/duration.ts";

const CASES: readonly [text: string, ms: number | undefined][] = [
  ["0", 0],
  ["0s", 0],
  ["250ms", 250],
  ["2s", 2000],
  ["1m", 60_000],
  ["1h", 3_600_000],
  ["1.5s", 1500],
  ["0.4ms", 1],
  ["0.00001s", 1],
  ["0.0h", 0],
  ["2", undefined],
  ["", undefined],
  ["s", undefined],
  ["-1s", undefined],
  ["1 s", undefined],
  ["1d", undefined],
  ["1e3s", undefined],
  ["9999999999999999h", undefined],
];

for (const [text, ms] of CASES) {
  Deno.test(`parseDurationMs() reads "${text}" as ${ms}`, () => {
    assertEquals(parseDurationMs(text), ms);
  });
}

Deno.test("formatDurationMs() writes what parseDurationMs() reads", () => {
  for (const text of ["0", "1ms", "250ms", "1500ms", "2s", "90s", "1m", "1h"]) {
    assertEquals(formatDurationMs(parseDurationMs(text)!), text);
  }
});
