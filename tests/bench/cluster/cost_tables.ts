import type { NatsServer } from "../../cluster/nats_server.ts";
import { driverArgs, runDriver, startCluster } from "./cluster.ts";
import type { AckLoad, AckResult } from "./loads.ts";
import { spread, table } from "./markdown.ts";

/** Each message is a flush of its own: no publisher of a room waits for another. */
const LOAD = { publishers: 100, rooms: 100, window: 1, size: 24, durationMs: 5000 };

/** Prints what a flush of one message costs the node of its publisher, another node, and NATS. */
export async function costTables(rounds: number): Promise<void> {
  const rows: string[][] = [];
  for (const hasReaders of [false, true]) {
    const results: AckResult[] = [];
    const bytes: { readonly in: number; readonly out: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      await using cluster = await startCluster({ nodeCount: 2, hasNats: true });
      const [first, second] = cluster.nodes;
      const name = hasReaders ? "a reader of each room" : "none of the rooms";
      const load: AckLoad = { ...LOAD, name, ...hasReaders && { readerPort: second!.port } };
      const before = await trafficOf(cluster.nats!);
      const args = [String(first!.port), driverArgs(cluster)[1], JSON.stringify(load)];
      const result = await runDriver<AckResult>("ack_driver.ts", args);
      const after = await trafficOf(cluster.nats!);
      const count = after.stored - before.stored;
      bytes.push({ in: (after.in - before.in) / count, out: (after.out - before.out) / count });
      results.push(result);
    }
    const perFlush = (index: number) =>
      spread(
        results.map(({ cpuOfEach, acksPerSecond }) => cpuOfEach[index]! * 1e6 / acksPerSecond),
      );
    rows.push([
      hasReaders
        ? "the other node has a reader in each room"
        : "the other node has none of the rooms",
      spread(results.map(({ acksPerSecond }) => acksPerSecond)),
      perFlush(0),
      perFlush(1),
      perFlush(2),
      spread(bytes.map((each) => each.in)),
      spread(bytes.map((each) => each.out)),
    ]);
  }
  console.log(table([
    ...["100 rooms, one message per flush", "flushes/s", "its node, CPU µs per flush"],
    ...["the other node", "NATS", "bytes to NATS per flush", "bytes from NATS"],
  ], rows));
}

/** The payload bytes that NATS has received and sent, and how many publishes it has stored. */
async function trafficOf({ monitoringUrl }: NatsServer) {
  const read = async (path: string) => await (await fetch(monitoringUrl + path)).json();
  const [{ in_bytes, out_bytes }, { messages }] = [await read("/varz"), await read("/jsz")];
  return { in: in_bytes as number, out: out_bytes as number, stored: messages as number };
}
