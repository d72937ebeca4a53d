import { assert } from "@std/assert";
import { fuzzServer } from "../socket/fuzz.ts";

const STREAM_COUNT = Number(Deno.env.get("FUZZ_STREAMS") ?? 100_000);

/** A failure names its seed. Replay it with FUZZ_SEED=123 FUZZ_STREAMS=1. */
const FIRST_SEED = Number(Deno.env.get("FUZZ_SEED") ?? Date.now() % 1_000_000_000);

/** More than buffers and caches need. A leak would take more. */
const MAX_GROWTH_BYTES = 150_000_000;

Deno.test(`the server survives ${STREAM_COUNT} mutated streams from seed ${FIRST_SEED}`, async () => {
  const { growthBytes, resetCount } = await fuzzServer(STREAM_COUNT, FIRST_SEED);
  assert(growthBytes < MAX_GROWTH_BYTES, `The memory grew by ${growthBytes} bytes`);
  assert(resetCount <= STREAM_COUNT / 1000, `${resetCount} streams were reset`);
});
