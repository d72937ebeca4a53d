import { assertEquals, assertRejects } from "@std/assert";
import { CallLimit } from "../../lib/cluster/call_limit.ts";

Deno.test("CallLimit makes so many calls at a time, the others in their order", async () => {
  const limit = new CallLimit(2);
  const started: number[] = [];
  const calls = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
  const results = calls.map(({ promise }, index) =>
    limit.run(() => {
      started.push(index);
      return promise;
    })
  );
  assertEquals(started, [0, 1]);
  calls[1]!.resolve(1);
  assertEquals(await results[1], 1);
  calls[0]!.reject(new Error("failed"));
  await assertRejects(() => results[0]!, Error, "failed");
  calls[2]!.resolve(2);
  await results[2];
  assertEquals(started, [0, 1, 2, 3, 4]);
  for (const { resolve } of calls.slice(3)) resolve(0);
  await Promise.all(results.slice(3));
});
