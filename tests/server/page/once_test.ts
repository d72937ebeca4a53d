import { assertEquals, assertRejects } from "@std/assert";
import { once } from "../../../lib/server/page/once.ts";

Deno.test("once() calls the function once, and again only after it has failed", async () => {
  let calls = 0;
  const load = once(() => {
    calls++;
    return calls === 1 ? Promise.reject(new TypeError("no")) : Promise.resolve(calls);
  });
  await Promise.all([assertRejects(load, TypeError), assertRejects(load, TypeError)]);
  assertEquals(calls, 1);
  assertEquals(await Promise.all([load(), load()]), [2, 2]);
  assertEquals(await load(), 2);
});
