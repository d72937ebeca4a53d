import type { Result, Scenario } from "../scenarios.ts";
import { CONFIGURATIONS, cpuOf, driverArgs, runDriver, startCluster } from "./cluster.ts";
import { spread, table } from "./markdown.ts";

const LOAD = {
  connectWindow: 64,
  size: 24,
  // The servers need the core.
  polls: false,
  stalled: 0,
  rooms: 1,
  durationMs: 4000,
  isQuick: false,
  contenders: [],
};

const BURST: Scenario = {
  ...LOAD,
  name: "burst 32 x 1,600",
  kind: "burst",
  clients: 32,
  senders: 32,
  batch: 1600,
  rate: 0,
};

function openLoop(rate: number): Scenario {
  const name = `${rate.toLocaleString("en")}/s`;
  return { ...LOAD, name, kind: "open loop", clients: 500, senders: 100, batch: 0, rate };
}

const LATENCIES: readonly Scenario[] = [50, 500, 4000].map(openLoop);

/** The rates with which to look for the knee. */
const RATES = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000];

/** Beyond the knee, the p99 is larger. */
const KNEE_P99_MS = 100;

/** Runs one load with a new cluster. */
async function run(configuration: typeof CONFIGURATIONS[number], load: Scenario): Promise<Result> {
  await using cluster = await startCluster(configuration);
  const result = await runDriver<Result>("../driver.ts", [
    ...driverArgs(cluster),
    JSON.stringify(load),
  ]);
  const { missing, lost, outOfOrder, foreign, p50Ms, p99Ms, deliveriesPerSecond } = result;
  console.error(
    `${configuration.name}, ${load.name}: ${Math.round(deliveriesPerSecond)}/s, p50 ${p50Ms}, ` +
      `p99 ${p99Ms}, cpu ${result.cpuOfEach.map((cores) => cores.toFixed(2)).join(" ")}, ` +
      `driver ${result.driverCpu.toFixed(2)}`,
  );
  if (missing + lost + outOfOrder + foreign !== 0) {
    console.error(JSON.stringify({ missing, lost, outOfOrder, foreign }));
  }
  return result;
}

/** Prints deliveries per second in a burst, and latencies in an open loop. */
export async function deliveryTables(rounds: number): Promise<void> {
  const loads = [BURST, ...LATENCIES];
  const results = loads.map(() => CONFIGURATIONS.map((): Result[] => []));
  for (let round = 0; round < rounds; round++) {
    for (const [index, load] of loads.entries()) {
      for (const [at, configuration] of CONFIGURATIONS.entries()) {
        results[index]![at]!.push(await run(configuration, load));
      }
    }
  }
  const [bursts, ...latencies] = results as [Result[][], ...Result[][][]];
  const perDelivery = (part: "nodes" | "nats") => (result: Result, at: number) =>
    cpuOf(CONFIGURATIONS[at]!, result.cpuOfEach)[part] * 1e9 / result.deliveriesPerSecond;
  console.log(table(
    [BURST.name, "deliveries/s", "CPU of nodes, ns per delivery", "of NATS", "driver, cores"],
    CONFIGURATIONS.map(({ name }, at) => [
      name,
      spread(bursts[at]!.map(({ deliveriesPerSecond }) => deliveriesPerSecond)),
      spread(bursts[at]!.map((result) => perDelivery("nodes")(result, at))),
      spread(bursts[at]!.map((result) => perDelivery("nats")(result, at))),
      spread(bursts[at]!.map(({ driverCpu }) => driverCpu)),
    ]),
  ));
  for (const [index, load] of LATENCIES.entries()) {
    const runs = latencies[index]!;
    const added = (at: number, of: "p50Ms" | "p99Ms") =>
      at === 0
        ? "–"
        : spread(runs[at]!.map((result, round) => result[of]! - runs[0]![round]![of]!));
    console.log(table(
      [`500 clients, ${load.name}`, "p50, ms", "p99, ms", "added p50", "added p99", ...CPU],
      CONFIGURATIONS.map((configuration, at) => [
        configuration.name,
        spread(runs[at]!.map(({ p50Ms }) => p50Ms)),
        spread(runs[at]!.map(({ p99Ms }) => p99Ms)),
        added(at, "p50Ms"),
        added(at, "p99Ms"),
        ...cpuCells(configuration, runs[at]!),
      ]),
    ));
  }
}

const CPU = ["nodes, cores", "NATS, cores", "driver, cores"];

function cpuCells(
  configuration: typeof CONFIGURATIONS[number],
  results: readonly { readonly cpuOfEach: readonly number[]; readonly driverCpu: number }[],
): string[] {
  const cpus = results.map(({ cpuOfEach }) => cpuOf(configuration, cpuOfEach));
  return [
    spread(cpus.map(({ nodes }) => nodes)),
    spread(cpus.map(({ nats }) => nats)),
    spread(results.map(({ driverCpu }) => driverCpu)),
  ];
}

/** Raises the rate until messages are late, in one room and in many, and prints each step. */
export async function kneeTables(): Promise<void> {
  const shapes = [
    { title: "500 clients in one room", clients: 500, senders: 100, rooms: 1 },
    { title: "500 clients in 250 rooms of two", clients: 500, senders: 500, rooms: 250 },
  ];
  for (const { title, ...shape } of shapes) {
    const rows: string[][] = [];
    for (const configuration of CONFIGURATIONS) {
      for (const rate of RATES) {
        const result = await run(configuration, { ...openLoop(rate), ...shape });
        const { p50Ms, p99Ms } = result;
        rows.push([
          configuration.name,
          rate.toLocaleString("en"),
          spread([p50Ms]),
          spread([p99Ms]),
          ...cpuCells(configuration, [result]),
        ]);
        if (p99Ms === undefined || p99Ms > KNEE_P99_MS) break;
      }
    }
    console.log(table([title, "messages/s", "p50, ms", "p99, ms", ...CPU], rows));
  }
}
