// `deno task bench`: compares Chorus with other servers in one interleaved run. See README.md.
import { EXIT_CODE } from "../../lib/cli/exit_code.ts";
import type { FlagTable } from "../../lib/cli/flags/flag.ts";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { helpText } from "../../lib/cli/flags/help.ts";
import { type Contender, contendersOf, installPeers, start, versions } from "./contenders.ts";
import { type Recorded, report } from "./report.ts";
import {
  CLIENT_CURVE,
  COMPARISONS,
  type Result,
  type Scenario,
  SIZE_CURVE,
  SOAK,
  STALLS,
} from "./scenarios.ts";

const QUICK_MS = 1500;

const BENCH_FLAGS = {
  quick: {
    kind: "switch",
    default: false,
    help: "Run some scenarios for one short round, which takes a minute",
  },
  rounds: {
    kind: "integer",
    default: 5,
    value: "N",
    min: 1,
    max: 100,
    help: "How often to run each scenario with each server",
  },
  only: {
    kind: "text",
    default: "",
    value: "TEXT",
    help: "Run only scenarios whose name contains this",
  },
  out: {
    kind: "text",
    default: "",
    value: "DIRECTORY",
    help: "Write figures.md, results.json, and the charts here",
  },
  help: { kind: "command", default: false, short: "h", help: "Print this help" },
} as const satisfies FlagTable;

const { config: flags, faults } = parseFlags(BENCH_FLAGS, { args: Deno.args });
if (flags.help) {
  const summary = "Compares Chorus with other servers, in one interleaved run.";
  const usage = "deno task bench [flags]";
  console.log(helpText(BENCH_FLAGS, { summary, usage, hasEnvironment: false }));
  Deno.exit(EXIT_CODE.ok);
}
if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  Deno.exit(EXIT_CODE.usage);
}

const rounds = flags.quick ? 1 : flags.rounds;
const scenarios: readonly Scenario[] = flags.quick
  ? COMPARISONS.filter(({ isQuick }) => isQuick)
    .map((each) => ({ ...each, durationMs: Math.min(each.durationMs, QUICK_MS) }))
  : [...COMPARISONS, ...STALLS, ...CLIENT_CURVE, ...SIZE_CURVE];
const chosen = [...scenarios, ...(flags.quick ? [] : [SOAK])]
  .filter(({ name }) => name.includes(flags.only));

if (flags.out !== "") await Deno.mkdir(flags.out, { recursive: true });
const directory = await Deno.makeTempDir({ prefix: "chorus_bench_" });
try {
  await installPeers(directory);
  const contenders = contendersOf(directory);
  const cores = await hasTaskset() ? ["taskset", "-c"] : undefined;
  if (!cores) console.error("taskset is missing: server and driver share the cores");
  const recorded: Recorded[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const scenario of chosen) {
      if (scenario === SOAK && round < rounds - 1) continue;
      // Each round starts with another server, so that the order changes.
      for (let index = 0; index < contenders.length; index++) {
        const contender = contenders[(index + round) % contenders.length]!;
        const { contenders: invited, name } = scenario;
        if (invited.length > 0 && !invited.includes(contender.name)) continue;
        const result = await measure(contender, scenario, cores);
        console.error(`${round + 1}/${rounds} ${name}: ${contender.name}`, summaryOf(result));
        recorded.push({ round, scenario: name, contender: contender.name, result });
      }
    }
  }
  await report(recorded, { rounds, scenarios: chosen, versions: await versions(), out: flags.out });
} finally {
  await Deno.remove(directory, { recursive: true });
}

/** Starts a server and runs one scenario. Returns undefined if the server fails. */
async function measure(
  contender: Contender,
  scenario: Scenario,
  cores: readonly string[] | undefined,
): Promise<Result | undefined> {
  let started;
  try {
    started = await start(contender, cores ? [...cores, "0"] : []);
  } catch (error) {
    console.error(String(error));
    return undefined;
  }
  await using server = started;
  const driver = [
    ...(cores ? [...cores, "1"] : []),
    Deno.execPath(),
    "run",
    "--allow-ffi",
    new URL("driver.ts", import.meta.url).pathname,
    String(server.port),
    String(server.pid),
    JSON.stringify(scenario),
  ];
  const { success, stdout, stderr } = await new Deno.Command(driver[0]!, { args: driver.slice(1) })
    .output();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  console.error(new TextDecoder().decode(stderr));
  return undefined;
}

function summaryOf(result: Result | undefined): string {
  if (!result) return "failed";
  const { deliveriesPerSecond, missing, outOfOrder, p50Ms, p99Ms, kbPerConnection } = result;
  return [
    `${Math.round(result.connectsPerSecond)} connections/s`,
    `${Math.round(deliveriesPerSecond)}/s`,
    `missing ${missing}`,
    `out of order ${outOfOrder}`,
    `p50 ${p50Ms ?? "-"} ms`,
    `p99 ${p99Ms ?? "-"} ms`,
    `${kbPerConnection.toFixed(1)} KiB/connection`,
  ].join(", ");
}

async function hasTaskset(): Promise<boolean> {
  try {
    return (await new Deno.Command("taskset", { args: ["-c", "0,1", "true"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
