import { assertEquals } from "@std/assert";
import { progressLines } from "../../lib/load/progress.ts";
import type { TimelinePoint } from "../../lib/load/recorder.ts";

const POINT: TimelinePoint = {
  seconds: 1,
  phase: "connecting",
  connections: 500,
  sentPerSecond: 3999.7,
  deliveriesPerSecond: 1_996_000,
  p50: 1,
  p99: 5.21,
  missing: 2,
  busyCores: 0.5,
};

Deno.test("progressLines() tells how far each phase has come", () => {
  const line = progressLines({ warmupMs: 1000, durationMs: 10_000 });
  const rest = "4000 messages/s · 1996000 deliveries/s · p99 5.2 ms · lost 2 · 500 connected";
  assertEquals(line(POINT), `connecting 1 s · ${rest}`);
  assertEquals(line({ ...POINT, seconds: 2, phase: "warm-up" }), `warm-up 1 of 1 s · ${rest}`);
  assertEquals(line({ ...POINT, seconds: 3, phase: "steady" }), `steady 1 of 10 s · ${rest}`);
  assertEquals(line({ ...POINT, seconds: 5, phase: "steady" }), `steady 3 of 10 s · ${rest}`);
  assertEquals(line({ ...POINT, seconds: 6, phase: "draining" }), `draining 1 s · ${rest}`);
});

Deno.test("progressLines() tells no total of what has no end, and no p99 of nothing", () => {
  const line = progressLines({ warmupMs: 0, durationMs: 0 });
  assertEquals(
    line({ ...POINT, phase: "steady", p99: undefined }),
    "steady 1 s · 4000 messages/s · 1996000 deliveries/s · p99 – ms · lost 2 · 500 connected",
  );
});
