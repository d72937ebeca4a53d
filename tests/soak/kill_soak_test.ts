import { killUnderLoad } from "../main/kill.ts";

const KILL_COUNT = Number(Deno.env.get("KILL_ROUNDS") ?? 20);

Deno.test(`kill -9 under load, ${KILL_COUNT} times: each acked message is stored once and in order`, async () => {
  await killUnderLoad(KILL_COUNT);
});
