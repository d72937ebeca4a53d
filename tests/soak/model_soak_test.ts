import { testRoomModel } from "../socket/model.ts";

/** A failure names its seed. Replay it with MODEL_SEED=123 MODEL_RUNS=1. */
const FIRST_SEED = Number(Deno.env.get("MODEL_SEED") ?? Date.now() % 1_000_000_000);

testRoomModel(Number(Deno.env.get("MODEL_RUNS") ?? 6), FIRST_SEED);
