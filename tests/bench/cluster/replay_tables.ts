import { usageOf } from "../process_tree.ts";
import { cpuSecondsOf, runDriver, startCluster, startNode } from "./cluster.ts";
import type { ReplayTimes } from "./loads.ts";
import { spread, table } from "./markdown.ts";
import { storeMessages } from "./stored_messages.ts";

const STORES = [
  { room: "big", count: 1_000_000, perFlush: 4096, name: "1,000,000 messages, 4,096 per flush" },
  { room: "small", count: 200_000, perFlush: 1, name: "200,000 messages, one per flush" },
];

const LAST = 50;
const MISSED = 100_000;

/** For some time after its start, a node waits for the other nodes before it opens a room. */
const DISCOVERY_MS = 500;

/** The stream stores all messages. */
const FLAGS = ["--history-messages", "0"];

/** Prints how long a cold node, and then the same node again, takes to replay stored messages. */
export async function replayTables(rounds: number): Promise<void> {
  await using cluster = await startCluster({ nodeCount: 1, hasNats: true, flags: FLAGS });
  const nats = cluster.nats!;
  const rows: string[][] = [];
  for (const { name, ...store } of STORES) {
    const position = await storeMessages(nats, { ...store, since: MISSED });
    for (const [query, count] of [[`last=${LAST}`, LAST], [`since=${position}`, MISSED]] as const) {
      const cold: ReplayTimes[] = [];
      const warm: ReplayTimes[] = [];
      const nodeSeconds: number[] = [];
      const natsSeconds: number[] = [];
      const residentMb: number[] = [];
      for (let round = 0; round < rounds; round++) {
        await using node = await startNode(nats, FLAGS);
        await new Promise((resolve) => setTimeout(resolve, DISCOVERY_MS));
        const before = [node, nats].map(({ pid }) => cpuSecondsOf(pid));
        const args = [String(node.port), `room=${store.room}&${query}`, String(count)];
        const [first] = await runDriver<ReplayTimes[]>("replay_driver.ts", [...args, "1"]);
        cold.push(first!);
        nodeSeconds.push(cpuSecondsOf(node.pid) - before[0]!);
        natsSeconds.push(cpuSecondsOf(nats.pid) - before[1]!);
        residentMb.push(usageOf(node.pid).residentKb / 1024);
        warm.push(...await runDriver<ReplayTimes[]>("replay_driver.ts", [...args, "3"]));
      }
      rows.push([
        `${name}: ${query.replace(/=.*/, "")}, ${count.toLocaleString("en")} messages`,
        spread(cold.map(({ firstMs }) => firstMs)),
        spread(cold.map(({ lastMs }) => lastMs)),
        spread(warm.map(({ firstMs }) => firstMs)),
        spread(warm.map(({ lastMs }) => lastMs)),
        spread(nodeSeconds),
        spread(natsSeconds),
        spread(residentMb),
        spread([usageOf(nats.pid).residentKb / 1024]),
      ]);
      console.error(rows.at(-1)!.join(", "));
    }
  }
  console.log(table([
    ...["stored", "cold: first, ms", "last, ms", "again: first, ms", "last, ms"],
    ...["node, CPU s", "NATS, CPU s", "node, MiB", "NATS, MiB"],
  ], rows));
}
