import { assert, assertEquals, assertRejects } from "@std/assert";
import { PreciseWait } from "../../../lib/load/pace/precise_wait.ts";
import { scriptThreads } from "./scripted_thread.ts";

for (const ms of [5, 0.2, 0, -1]) {
  Deno.test(`PreciseWait waits for at least ${ms} ms`, async () => {
    using wait = new PreciseWait();
    await wait.ready;
    const startMs = performance.now();
    await wait.wait(ms);
    assert(performance.now() - startMs >= ms);
  });
}

Deno.test("PreciseWait waits again and again, and never spins for longer than it waits", async () => {
  using wait = new PreciseWait();
  await wait.ready;
  const startMs = performance.now();
  for (let count = 0; count < 100; count++) await wait.wait(0.3);
  const waitedMs = performance.now() - startMs;
  assert(waitedMs >= 30);
  assert(wait.spunMs < waitedMs);
});

Deno.test("PreciseWait can be disposed of during a wait", async () => {
  const wait = new PreciseWait();
  await wait.ready;
  let isOver = false;
  wait.wait(60_000).then(() => isOver = true);
  wait[Symbol.dispose]();
  await Promise.resolve();
  assertEquals(isOver, false);
});

Deno.test("PreciseWait rejects a wait during which its thread fails, and all later ones", async () => {
  using _ = scriptThreads(`self.onmessage = ({ data: words }) => {
    self.postMessage("ready");
    Atomics.wait(words, 0, 0);
    throw new Error("no memory");
  };`);
  using wait = new PreciseWait();
  await wait.ready;
  for (let count = 0; count < 2; count++) {
    await assertRejects(() => wait.wait(1000), Error, "The thread that waits failed: ");
  }
});
