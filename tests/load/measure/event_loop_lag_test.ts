import { assert } from "@std/assert";
import { EventLoopLag } from "../../../lib/load/measure/event_loop_lag.ts";

Deno.test("EventLoopLag counts a stall for as long as it lasted", async () => {
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
  // All the looks of the 200 ms, each less late than the one before.
  assert(lags.filter((us) => us > 20_000).length >= 7);
});
