import { assert } from "@std/assert";
import { hideTcpHandles } from "../websocket/transport/hidden_handles.ts";
import { fuzzServer } from "./fuzz.ts";

Deno.test("the server survives 2,000 mutated streams", async () => {
  const { resetCount } = await fuzzServer(2000, 1);
  assert(resetCount <= 2, `${resetCount} streams were reset`);
});

Deno.test("the server survives 2,000 mutated streams without TCP handles", async () => {
  using _hidden = hideTcpHandles();
  const { resetCount } = await fuzzServer(2000, 1);
  assert(resetCount <= 2, `${resetCount} streams were reset`);
});
