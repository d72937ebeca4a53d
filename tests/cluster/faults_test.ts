import { ChorusCluster } from "./chorus_cluster.ts";
import { assertNoLoss, type Fault, runFault } from "./fault_run.ts";
import { HELD_BYTES_EXCEEDED, NATS_CLUSTER_FAULTS, NATS_KILLED, NODE_FAULTS } from "./faults.ts";
import { isNatsMissing } from "./nats_server.ts";

const OPTIONS = { userCount: 30, roomCount: 2, messagesPerSecond: 100, holdMs: 1000 };

const DEADLINE_MS = 60_000;

/** Small bounds, so that a short fault reaches them. */
const ARGS = ["--max-held-bytes=64KiB", "--presence-ttl=2s", "--drain-window=500ms"];

test("nodes lose no message", 1, [...NODE_FAULTS, NATS_KILLED, HELD_BYTES_EXCEEDED]);
test("nodes with three NATS servers lose no message", 3, NATS_CLUSTER_FAULTS);

function test(name: string, natsCount: 1 | 3, faults: readonly Fault[]): void {
  Deno.test({
    name,
    ignore: isNatsMissing,
    fn: async (context) => {
      await using cluster = await ChorusCluster.start({ nodeCount: 3, natsCount, args: ARGS });
      for (const fault of faults) {
        await context.step(fault.name, async () => {
          assertNoLoss(await runFault(cluster, fault, { ...OPTIONS, deadlineMs: DEADLINE_MS }));
        });
      }
    },
  });
}
