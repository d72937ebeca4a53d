import { assert, assertEquals } from "@std/assert";
import { isHaproxyMissing } from "./haproxy.ts";
import { rollingRestart } from "./rolling_restart.ts";
import { ENGINES } from "./test_app.ts";

for (const engine of ENGINES) {
  Deno.test({
    name: `${engine}: a rolling restart behind HAProxy loses no acked message and leaves no hole`,
    ignore: isHaproxyMissing,
    fn: async () => {
      const figures = await rollingRestart({
        engine,
        userCount: 24,
        roomCount: 3,
        publisherCount: 6,
        paceMs: 20,
        windowMs: 500,
        handoverMs: 1000,
        restartCount: 2,
      });
      const { exitCodes, ackedCount, lostCount, doubledCount, holeCount, gapCount } = figures;
      assertEquals(exitCodes, [0, 0, 0]);
      assert(ackedCount > 0);
      assertEquals([lostCount, doubledCount, holeCount, gapCount], [0, 0, 0, 0]);
    },
  });
}
