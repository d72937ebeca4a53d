import { CONFIGURATIONS, cpuOf, driverArgs, runDriver, startCluster } from "./cluster.ts";
import type { AckLoad, AckResult } from "./loads.ts";
import { spread, table } from "./markdown.ts";

const SIZE = { size: 24, durationMs: 4000 };

const LOADS: readonly AckLoad[] = [
  { ...SIZE, name: "20 publishers in one room, one message at a time", ...load(20, 1, 1) },
  { ...SIZE, name: "20 publishers in one room, 50 at a time", ...load(20, 1, 50) },
  { ...SIZE, name: "100 publishers in 100 rooms, one message at a time", ...load(100, 100, 1) },
  { ...SIZE, name: "100 publishers in 100 rooms, 10 at a time", ...load(100, 100, 10) },
  { ...SIZE, name: "100 publishers in 100 rooms, 100 at a time", ...load(100, 100, 100) },
];

function load(publishers: number, rooms: number, window: number) {
  return { publishers, rooms, window };
}

/** Prints how many messages are acknowledged, and how fast. */
export async function ackTables(rounds: number): Promise<void> {
  const results = LOADS.map(() => CONFIGURATIONS.map((): AckResult[] => []));
  for (let round = 0; round < rounds; round++) {
    for (const [index, load] of LOADS.entries()) {
      for (const [at, configuration] of CONFIGURATIONS.entries()) {
        await using cluster = await startCluster(configuration);
        const args = [...driverArgs(cluster), JSON.stringify(load)];
        const result = await runDriver<AckResult>("ack_driver.ts", args);
        console.error(`${configuration.name}, ${load.name}: ${JSON.stringify(result)}`);
        results[index]![at]!.push(result);
      }
    }
  }
  for (const [index, { name }] of LOADS.entries()) {
    console.log(table(
      [name, "acks/s", "p50, ms", "p99, ms", "nodes, cores", "NATS, cores", "driver, cores"],
      CONFIGURATIONS.map((configuration, at) => {
        const runs = results[index]![at]!;
        const cpus = runs.map(({ cpuOfEach }) => cpuOf(configuration, cpuOfEach));
        return [
          configuration.name,
          spread(runs.map(({ acksPerSecond }) => acksPerSecond)),
          spread(runs.map(({ p50Ms }) => p50Ms)),
          spread(runs.map(({ p99Ms }) => p99Ms)),
          spread(cpus.map(({ nodes }) => nodes)),
          spread(cpus.map(({ nats }) => nats)),
          spread(runs.map(({ driverCpu }) => driverCpu)),
        ];
      }),
    ));
  }
}
