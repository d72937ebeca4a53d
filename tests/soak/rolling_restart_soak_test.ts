import { assertEquals } from "@std/assert";
import { isHaproxyMissing } from "../socket/haproxy.ts";
import { rollingRestart } from "../socket/rolling_restart.ts";

const USER_COUNT = Number(Deno.env.get("ROLLING_USERS") ?? 600);
const WINDOW_MS = 10_000;

Deno.test({
  name: `a rolling restart with ${USER_COUNT} members behind HAProxy loses no acked message`,
  ignore: isHaproxyMissing,
  fn: async () => {
    const { peakConnects, ...figures } = await rollingRestart({
      engine: "direct",
      userCount: USER_COUNT,
      roomCount: 6,
      publisherCount: 60,
      paceMs: 500,
      windowMs: WINDOW_MS,
      handoverMs: 2000,
      restartCount: 2,
    });
    // Shown and not checked: a busy machine connects late clients together.
    const maxConnects = 2 * USER_COUNT / (WINDOW_MS / 1000);
    console.log({ ...figures, peakConnects, maxConnects });
    const { exitCodes, ackedCount: _, refusedCount: __, ...faults } = figures;
    assertEquals(exitCodes, [0, 0, 0]);
    assertEquals(faults, { lostCount: 0, doubledCount: 0, holeCount: 0, gapCount: 0 });
  },
});
