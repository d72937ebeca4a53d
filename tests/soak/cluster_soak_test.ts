import { ChorusCluster } from "../cluster/chorus_cluster.ts";
import {
  assertNoLoss,
  type Fault,
  type FaultFigures,
  faultTable,
  runFault,
} from "../cluster/fault_run.ts";
import {
  HELD_BYTES_EXCEEDED,
  NATS_CLUSTER_FAULTS,
  NATS_KILLED,
  NODE_FAULTS,
} from "../cluster/faults.ts";
import { isNatsMissing } from "../cluster/nats_server.ts";

const NODE_COUNT = 3;

const USER_COUNT = Number(Deno.env.get("CLUSTER_USERS") ?? 300);

/** How long all of NATS is away. */
const OUTAGE_MS = Number(Deno.env.get("CLUSTER_OUTAGE_SECONDS") ?? 20) * 1000;

/** How long one node is without NATS. */
const BROKEN_LINK_MS = OUTAGE_MS / 5;

const OPTIONS = { userCount: USER_COUNT, roomCount: 3, messagesPerSecond: 100 };

const DEADLINE_MS = 60_000 + OUTAGE_MS;

const ARGS = ["--max-held-bytes=256KiB", "--presence-ttl=5s", "--drain-window=2s"];

soak(1, [
  ...NODE_FAULTS.map((fault) => [fault, BROKEN_LINK_MS] as const),
  [HELD_BYTES_EXCEEDED, OUTAGE_MS],
]);
soak(3, [NATS_KILLED, ...NATS_CLUSTER_FAULTS].map((fault) => [fault, OUTAGE_MS]));

/** Lets faults happen one after another, and prints what each of them did. */
function soak(
  natsCount: 1 | 3,
  faults: readonly (readonly [fault: Fault, holdMs: number])[],
): void {
  const what = natsCount === 1 ? "one NATS server" : `${natsCount} NATS servers`;
  Deno.test({
    name: `${NODE_COUNT} nodes with ${what} and ${USER_COUNT} members lose no message`,
    ignore: isNatsMissing,
    fn: async (context) => {
      const rows: [string, FaultFigures][] = [];
      await using cluster = await ChorusCluster.start({
        nodeCount: NODE_COUNT,
        natsCount,
        args: ARGS,
      });
      for (const [fault, holdMs] of faults) {
        await context.step(fault.name, async () => {
          const options = { ...OPTIONS, holdMs, deadlineMs: DEADLINE_MS };
          const figures = await runFault(cluster, fault, options);
          rows.push([fault.name, figures]);
          assertNoLoss(figures);
        });
      }
      console.log(faultTable(rows));
    },
  });
}
