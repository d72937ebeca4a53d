import { assert, assertEquals } from "@std/assert";
import {
  backoffMs,
  connectIntervalMs,
} from "../../../../lib/load/users/connection/connect_schedule.ts";

Deno.test("backoffMs() doubles from half a second up to ten, minus a random part", () => {
  assertEquals([0, 1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(attempt, 0)), [
    500,
    1000,
    2000,
    4000,
    8000,
    10_000,
    10_000,
  ]);
  assertEquals(backoffMs(1, 0.5), 750);
  assert(backoffMs(0, 0.999) > 250);
});

Deno.test("connectIntervalMs() follows the rate, or else the stagger", () => {
  assertEquals(connectIntervalMs({ connectRate: 200, staggerMs: 50 }), 5);
  assertEquals(connectIntervalMs({ connectRate: 0, staggerMs: 50 }), 50);
});
