import { assert } from "@std/assert";
import { fuzzServer } from "./fuzz.ts";

Deno.test("the server survives 2,000 mutated streams", async () => {
  const { resetCount } = await fuzzServer(2000, 1);
  assert(resetCount <= 2, `${resetCount} streams were reset`);
});
