import { assert } from "@std/assert";
import { EventLoopLag } from "../../../lib/load/measure/clock.ts";

Deno.test("EventLoopLag records a stall with its full length", async () => {
  const lags: number[] = [];
  const counted = Promise.withResolvers<void>();
  using _lag = new EventLoopLag((us) => {
    lags.push(us);
    if (us > 150_000) counted.resolve();
  });
  const untilMs = performance.now() + 200;
  while (performance.now() < untilMs);
  await counted.promise;
  await Promise.resolve();
  // One record for each 20 ms of the stall, each shorter than the one before.
  assert(lags.filter((us) => us > 20_000).length >= 7);
});
