import { assertEquals, assertRejects } from "@std/assert";
import { retry } from "../../../lib/cluster/stream/retry.ts";

Deno.test("retry() tries again until an attempt succeeds", async () => {
  let count = 0;
  const act = () => {
    if (++count < 3) throw new Error("not yet");
    return count;
  };
  assertEquals(await retry(act, () => false), 3);
});

Deno.test("retry() tries no more once it is cancelled", async () => {
  let count = 0;
  const act = () => Promise.reject(new Error(`attempt ${++count}`));
  await assertRejects(() => retry(act, () => count === 2), Error, "attempt 2");
});
