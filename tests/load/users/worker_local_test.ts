import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS } from "../../../lib/load/config.ts";
import { drain } from "../../../lib/load/drain.ts";
import { RunChecks } from "../../../lib/load/run_checks.ts";
import { targetOf } from "../../../lib/load/users/connection/target.ts";
import { planUsers } from "../../../lib/load/users/user_plan.ts";
import { LocalWorker } from "../../../lib/load/users/worker_local.ts";
import { startTestApp } from "../../socket/test_app.ts";
import { scriptThreads } from "../pace/scripted_thread.ts";

/** The workers of a run. Here, all of them are in this thread. */
async function createWorkers(port: number, args: readonly string[]) {
  const { config } = parseFlags(CLIENT_FLAGS, {
    args: [`--url=ws://127.0.0.1:${port}/ws`, "--stagger=0", "--senders=1", "--rate=100", ...args],
  });
  const target = await targetOf(config);
  const plan = planUsers(config, target, []);
  const startEpochMs = performance.timeOrigin + performance.now();
  const { shared } = new RunChecks({ config, target, plan, startEpochMs, random: () => 0.5 });
  const { workers } = config;
  return Array.from({ length: workers }, (_, index) => {
    const users = plan.users.filter((_, at) => at % workers === index);
    return new LocalWorker({
      ...{ ...shared, config, target, plan: { ...plan, users } },
      ...{ index, startEpochMs, orderTable: undefined, seed: 1 },
    }, () => {});
  });
}

Deno.test("LocalWorker waits while it connects until it can send on time", async () => {
  await using server = await startTestApp();
  using _ = scriptThreads(`self.onmessage = () => { throw new Error("no memory"); };`);
  const [worker] = await createWorkers(server.port, ["--count=1"]);
  await assertRejects(() => worker!.connect(), Error, "The thread that waits failed: ");
  await worker!.leave();
});

Deno.test("LocalWorker without senders counts deliveries until the drain", async () => {
  await using server = await startTestApp();
  const workers = await createWorkers(server.port, ["--count=4", "--workers=2"]);
  const [first, second] = workers;
  assertEquals(await Promise.all([first!.connect(), second!.connect()]), [1, 0]);
  for (let count = 0; count < 4; count++) await server.logged("{id} connected");
  const plan = { startMs: 0, steadyMs: 0, endMs: 100 };
  await second!.send({ ...plan, part: 0 });
  await first!.send({ ...plan, part: 1 });
  await drain({
    workers,
    sample: () => Promise.all(workers.map((worker) => worker.sample())),
    ...{ timeoutMs: 60_000, longestMs: Infinity, stop: new AbortController().signal },
  });
  await Promise.all(workers.map((worker) => worker.beginDrain()));
  const steady = await Promise.all(workers.map(async (each) => (await each.leave()).steady));
  assertEquals(steady.map(({ sent, delivered }) => [sent, delivered]), [[10, 10], [0, 20]]);
  assert(steady.every(({ seconds }) => seconds > 0));
});
