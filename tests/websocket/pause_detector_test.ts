import { assertEquals } from "@std/assert";
import { PauseDetector } from "../../lib/websocket/pause_detector.ts";

/** When the checks come, with an interval of 100 ms, and which of them find a pause. */
const CASES: readonly [name: string, atMs: readonly number[], found: readonly boolean[]][] = [
  ["checks in time", [100, 200, 300], [false, false, false]],
  ["a check that is a little late", [100, 300, 400], [false, false, false]],
  ["a check after a pause", [100, 301, 400], [false, true, false]],
  ["a first check after a pause", [201, 300], [true, false]],
  ["checks that are all late", [300, 600, 900, 1200], [true, false, true, false]],
];

for (const [name, atMs, found] of CASES) {
  Deno.test(`hasPaused() returns ${found} for ${name}`, () => {
    const pauses = new PauseDetector(100, 0);
    assertEquals(atMs.map((nowMs) => pauses.hasPaused(nowMs)), found);
  });
}
