import { assertEquals } from "@std/assert";
import {
  formatRatePerSecond,
  parseRatePerSecond,
  type RateOf,
} from "../../../lib/cli/flags/rate.ts";

const CASES: readonly [text: string, of: RateOf, ratePerSecond: number | undefined][] = [
  ["0", "count", 0],
  ["0/s", "count", 0],
  ["100/s", "count", 100],
  ["0.5/s", "count", 0.5],
  ["600/m", "count", 10],
  ["3600/h", "count", 1],
  ["64KiB/s", "bytes", 65_536],
  ["1000/s", "bytes", 1000],
  ["60MiB/m", "bytes", 1_048_576],
  ["0", "bytes", 0],
  ["", "count", undefined],
  ["100", "count", undefined],
  ["/s", "count", undefined],
  ["100/d", "count", undefined],
  ["-1/s", "count", undefined],
  ["1e3/s", "count", undefined],
  ["64KiB/s", "count", undefined],
  ["64KB/s", "bytes", undefined],
  ["100 /s", "count", undefined],
];

for (const [text, of, ratePerSecond] of CASES) {
  Deno.test(`parseRatePerSecond() reads "${text}" in ${of} as ${ratePerSecond}`, () => {
    assertEquals(parseRatePerSecond(text, of), ratePerSecond);
  });
}

Deno.test("formatRatePerSecond() writes what parseRatePerSecond() reads", () => {
  for (const text of ["0", "1/s", "100/s", "30/m", "7/m", "1/h", "59/h", "0.001/h", "0.5/h"]) {
    assertEquals(formatRatePerSecond(parseRatePerSecond(text, "count")!, "count"), text);
  }
  for (const text of ["64KiB/s", "1000/s", "1MiB/m"]) {
    assertEquals(formatRatePerSecond(parseRatePerSecond(text, "bytes")!, "bytes"), text);
  }
});
