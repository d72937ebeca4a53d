import { assertEquals } from "@std/assert";
import { formatSizeBytes, parseSizeBytes } from "../../../lib/cli/flags/size.ts";

const CASES: readonly [text: string, bytes: number | undefined][] = [
  ["0", 0],
  ["1", 1],
  ["65536", 65_536],
  ["512B", 512],
  ["64KiB", 65_536],
  ["16MiB", 16_777_216],
  ["1GiB", 1_073_741_824],
  ["1.5GiB", 1_610_612_736],
  ["2TiB", 2_199_023_255_552],
  ["", undefined],
  ["KiB", undefined],
  ["64KB", undefined],
  ["64k", undefined],
  ["64 KiB", undefined],
  ["64kib", undefined],
  ["-1", undefined],
  ["1e3", undefined],
  ["0.3KiB", undefined],
  ["0.5", undefined],
  ["99999TiB", undefined],
];

for (const [text, bytes] of CASES) {
  Deno.test(`parseSizeBytes() reads "${text}" as ${bytes}`, () => {
    assertEquals(parseSizeBytes(text), bytes);
  });
}

Deno.test("formatSizeBytes() writes what parseSizeBytes() reads", () => {
  for (const text of ["0", "1000", "64KiB", "16MiB", "1GiB", "1536MiB", "2TiB"]) {
    assertEquals(formatSizeBytes(parseSizeBytes(text)!), text);
  }
});
