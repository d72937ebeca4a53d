// `deno task bench:client`: measures each server with the load client, and then the load client
// itself. See README.md.
import denoJson from "../../deno.json" with { type: "json" };
import { type Contender, contendersOf, installPeers, start, versions } from "./contenders.ts";
import { statisticOf } from "./statistics.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ROUNDS = 3;

/** The load for every server. */
const USERS = ["--count", "100", "--senders", "20", "--stagger", "0", "--connect-rate", "2000"];

/** More load than any client can read. */
const FLOOD = { count: 500, senders: 10, rate: 12_000, seconds: 5 };

const directory = await Deno.makeTempDir({ prefix: "chorus_bench_" });
try {
  await installPeers(directory);
  const contenders = contendersOf(directory);
  console.log(
    `Two cores, the server on one and the client on the other; ${
      Object.entries(await versions()).map((entry) => entry.join(" ")).join(", ")
    }\n`,
  );
  await compareServers(contenders);
  await compareClients(contenders[0]!);
} finally {
  await Deno.remove(directory, { recursive: true });
}

async function compareServers(contenders: readonly Contender[]): Promise<void> {
  console.log(
    "| server | p50, ms | p99, ms | lost | echoed | maximum messages/s with p99 < 50 ms |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const contender of contenders) {
    await using server = await start(contender, ["taskset", "-c", "0"]);
    const runs: ClientReport[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      runs.push(await chorusClient(server.port, [...USERS, "--rate", "500", "--duration", "4s"]));
    }
    const { maxRate } = await chorusClient(server.port, [
      ...[...USERS, "--find-max", "p99<50ms,lost=0", "--rate", "800"],
      ...["--duration", "2s", "--warmup", "500ms"],
    ]);
    const cells = [
      contender.name,
      median(runs.map(({ latencyMs }) => latencyMs.delivery.p50)).toFixed(2),
      median(runs.map(({ latencyMs }) => latencyMs.delivery.p99)).toFixed(2),
      ...["lost", "echoed"].map((what) =>
        runs.reduce((sum, { delivery }) => sum + delivery[what]!, 0)
      ),
      maxRate,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

async function compareClients(chorus: Contender): Promise<void> {
  const { count, senders, rate, seconds } = FLOOD;
  const rates: Record<"ours" | "loop", number[]> = { ours: [], loop: [] };
  for (let round = 0; round < ROUNDS; round++) {
    await using server = await start(chorus, ["taskset", "-c", "0"]);
    const ours = await chorusClient(server.port, [
      ...["--count", `${count}`, "--senders", `${senders}`, "--rate", `${rate}`],
      ...["--duration", `${seconds}s`, "--stagger", "0", "--connect-rate", "5000"],
    ]);
    if (!ours.delivered) throw new Error("Not every message arrived once and in order");
    rates.ours.push(ours.rates.deliveriesPerSecond);
    await using other = await start(chorus, ["taskset", "-c", "0"]);
    const loop = await run(
      ["node", new URL("clients/ws_counting_loop.cjs", import.meta.url).pathname],
      [`ws://127.0.0.1:${other.port}/ws`, ...[count, senders, rate, seconds].map(String)],
      { NODE_PATH: `${directory}/node_modules` },
    );
    rates.loop.push(loop.deliveriesPerSecond);
  }
  const [ours, loop] = [median(rates.ours), median(rates.loop)];
  console.log("\n| client, on one core, against Chorus | deliveries/s |\n| --- | ---: |");
  console.log(`| the load client, checking each delivery | ${ours.toFixed(0)} |`);
  console.log(`| a loop over \`ws\`, counting | ${loop.toFixed(0)} |`);
  console.log(`\nRatio ${(ours / loop).toFixed(1)}`);
}

/** The fields of the client's JSON report that are used here. */
interface ClientReport {
  readonly delivered: boolean;
  readonly delivery: Readonly<Record<string, number>>;
  readonly latencyMs: { readonly delivery: { readonly p50: number; readonly p99: number } };
  readonly rates: { readonly deliveriesPerSecond: number };
  /** Present with `--find-max`. */
  readonly maxRate: number;
}

/** Runs `deno task client`, and returns its JSON report. */
function chorusClient(port: number, flags: readonly string[]): Promise<ClientReport> {
  const [, ...task] = denoJson.tasks.client.command.split(" ");
  return run([Deno.execPath(), ...task.slice(0, -1), `${ROOT}client.ts`], [
    ...["--url", `ws://127.0.0.1:${port}/ws`, "--json", "--quiet"],
    ...flags,
  ]);
}

// deno-lint-ignore no-explicit-any
async function run(command: readonly string[], args: readonly string[], env = {}): Promise<any> {
  const { stdout } = await new Deno.Command("taskset", {
    args: ["-c", "1", ...command, ...args],
    env,
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

function median(values: readonly number[]): number {
  return statisticOf(values)!.median;
}
