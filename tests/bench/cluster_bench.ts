// `deno task bench:cluster`: measures several nodes with NATS. See README.md.
import { EXIT_CODE } from "../../lib/cli/exit_code.ts";
import type { FlagTable } from "../../lib/cli/flags/flag.ts";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { helpText } from "../../lib/cli/flags/help.ts";
import { isNatsMissing } from "../cluster/nats_server.ts";
import { ackTables } from "./cluster/ack_tables.ts";
import { costTables } from "./cluster/cost_tables.ts";
import { deliveryTables, kneeTables } from "./cluster/delivery_tables.ts";
import { presenceTables } from "./cluster/presence_tables.ts";
import { replayTables } from "./cluster/replay_tables.ts";

/** Each prints its tables. */
const PARTS: Readonly<Record<string, (rounds: number) => Promise<void>>> = {
  deliveries: deliveryTables,
  acks: ackTables,
  costs: costTables,
  knee: kneeTables,
  replay: replayTables,
  presence: presenceTables,
};

const FLAGS = {
  rounds: {
    kind: "integer",
    default: 5,
    value: "N",
    min: 1,
    max: 100,
    help: "How often to run each load with each configuration",
  },
  only: {
    kind: "text",
    default: "",
    value: "TEXT",
    help: `Run only the parts whose name contains this: ${Object.keys(PARTS).join(", ")}`,
  },
  help: { kind: "command", default: false, short: "h", help: "Print this help" },
} as const satisfies FlagTable;

const { config: flags, faults } = parseFlags(FLAGS, { args: Deno.args });
if (flags.help) {
  const summary =
    "Measures servers that are one chat with NATS. They share the cores with the load.";
  const usage = "deno task bench:cluster [flags]";
  console.log(helpText(FLAGS, { summary, usage, hasEnvironment: false }));
  Deno.exit(EXIT_CODE.ok);
}
const problems = [...faults, ...isNatsMissing ? ["nats-server is missing"] : []];
if (problems.length > 0) {
  for (const problem of problems) console.error(problem);
  Deno.exit(EXIT_CODE.usage);
}
for (const [name, print] of Object.entries(PARTS)) {
  if (name.includes(flags.only)) await print(flags.rounds);
}
