import { killUnderLoad } from "./kill.ts";

Deno.test("kill -9 under load, twice: each acked message is stored once and in order", async () => {
  await killUnderLoad(2);
});
