import { connect } from "@nats-io/transport-node";
import { usageOf } from "../process_tree.ts";
import { cpuSecondsOf, driverProcess, startCluster, startNode } from "./cluster.ts";
import type { StormTimes } from "./loads.ts";
import { spread, table } from "./markdown.ts";

/** The number of nodes, and of members that join the first of them. */
const STORMS = [[1, 10_000], [2, 10_000], [3, 10_000], [3, 1000]] as const;

/** Prints what it costs when many members join at one node, and what the others hear of it. */
export async function presenceTables(): Promise<void> {
  const rows: string[][] = [];
  for (const [nodeCount, memberCount] of STORMS) {
    await using cluster = await startCluster({ nodeCount, hasNats: true });
    const { nodes, nats } = cluster;
    const connection = await connect({ servers: nats!.url });
    const heard = { messages: 0, bytes: 0 };
    connection.subscribe("chorus.presence.>", {
      callback: (_error, { data }) => {
        heard.messages++;
        heard.bytes += data.length;
      },
    });
    const pids = [...nodes.map(({ pid }) => pid), nats!.pid];
    const before = pids.map((pid) => ({ cpu: cpuSecondsOf(pid), usage: usageOf(pid) }));
    const [first, ...others] = nodes;
    const args = [
      String(first!.port),
      others.map(({ port }) => port).join(),
      String(memberCount),
      String(memberCount + others.length),
    ];
    const driver = driverProcess<StormTimes>("presence_driver.ts", args);
    const { joinedMs, seenMs, eventBytes } = await driver.result;
    const seconds = pids.map((pid, index) => cpuSecondsOf(pid) - before[index]!.cpu);
    const grownKb = pids.map((pid, index) =>
      usageOf(pid).residentKb - before[index]!.usage.residentKb
    );
    const storm = { ...heard };
    // A node that starts now asks for all members when it opens the room.
    await using late = await startNode(nats);
    const startMs = performance.now();
    const lateDriver = driverProcess<StormTimes>("presence_driver.ts", [
      ...[String(late.port), String(late.port), "0", String(memberCount + others.length + 1)],
    ]);
    await lateDriver.result;
    const lateMs = performance.now() - startMs;
    await lateDriver.end();
    await driver.end();
    await connection.close();
    rows.push([
      `${memberCount.toLocaleString("en")} members at one of ${nodeCount}`,
      spread([joinedMs / 1000]),
      spread([seenMs - joinedMs]),
      spread([storm.messages]),
      spread([storm.bytes / memberCount]),
      spread([seconds[0]! * 1e6 / memberCount]),
      nodeCount > 1 ? spread([seconds[1]! * 1e6 / memberCount]) : "–",
      spread([seconds.at(-1)! * 1e6 / memberCount]),
      spread([grownKb[0]! / memberCount]),
      nodeCount > 1 ? spread([grownKb[1]! / memberCount]) : "–",
      spread([eventBytes / Math.max(1, others.length)]),
      spread([lateMs]),
      spread([(heard.bytes - storm.bytes) / memberCount]),
    ]);
    console.error(rows.at(-1)!.join(", "));
  }
  console.log(table([
    ...["presence", "join, s", "seen by others after, ms", "publishes", "bytes per join"],
    ...[
      "CPU of the node, µs per join",
      "of another",
      "of NATS",
      "memory of the node, KiB per join",
    ],
    ...["of another", "bytes to a watcher", "new node opens the room, ms", "its bytes per member"],
  ], rows));
}
