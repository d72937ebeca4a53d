import { assertEquals } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS } from "../../lib/load/config.ts";
import { gateFaults } from "../../lib/load/gate_faults.ts";

function faultsOf(args: readonly string[]): readonly string[] {
  const { config, faults } = parseFlags(CLIENT_FLAGS, { args });
  assertEquals(faults, []);
  return gateFaults(config);
}

for (
  const args of [
    ["--rate=5"],
    ["--rate=5", "--expect=lost=0", "--expect=p99.9<1s", "--abort=failed>0,max>1s,rate<1"],
    ["--find-max=lost=0,p99<1s,failed=0"],
    ["--verify", "--expect=misordered=0"],
    ["--rate=5", "--check=order", "--expect=misordered=0", "--abort=misordered>0"],
    ["--find-max=misordered=0", "--check=order"],
    ["--rate=5", "--publish=http", "--expect=refused=0", "--expect=unanswered=0"],
    ["--rate=5", "--protocol=chorus.v1", "--expect=unanswered=0", "--expect=unreached=0"],
    ["--find-max=refused=0,unanswered=0,unreached=0", "--protocol=chorus.v1"],
    ["--rate=5", "--storm=50%@1s", "--expect=missed=0"],
    ["--rate=5", "--check=history", "--expect=unrecorded=0"],
    ["--find-max=unrecorded=0", "--check=history"],
    ["--rate=5", "--baseline=b", "--expect=p99<=1.1x"],
    // These flags have no effect with --find-max, which is another fault.
    ["--find-max=lost=0", "--expect=missed=0", "--abort=missed>0"],
  ]
) {
  Deno.test(`gateFaults() accepts ${args.join(" ")}`, () => {
    assertEquals(faultsOf(args), []);
  });
}

const ANSWERS = "--publish http or --protocol chorus.v1: add one of them";
const REACHED = "--protocol chorus.v1 without --publish http: change these flags";
const AT_THE_END = "is not known before the end of the run: use --expect";

for (
  const [args, ...faults] of [
    [["--rate=5", "--expect=misordered=0"], "misordered in --expect needs --check order: add it"],
    [["--rate=5", "--abort=misordered>0"], "misordered in --abort needs --check order: add it"],
    [["--find-max=misordered=0"], "misordered in --find-max needs --check order: add it"],
    [["--rate=5", "--expect=refused=0"], `refused in --expect needs ${ANSWERS}`],
    [["--rate=5", "--expect=unanswered=0"], `unanswered in --expect needs ${ANSWERS}`],
    [["--find-max=refused=0"], `refused in --find-max needs ${ANSWERS}`],
    [["--rate=5", "--expect=unreached=0"], `unreached in --expect needs ${REACHED}`],
    [
      ["--find-max=unreached=0", "--publish=http", "--protocol=chorus.v1"],
      `unreached in --find-max needs ${REACHED}`,
    ],
    [["--rate=5", "--expect=missed=0"], "missed in --expect needs --storm: add it"],
    [["--rate=5", "--expect=unrecorded=0"], "unrecorded in --expect needs --check history: add it"],
    [
      ["--find-max=unrecorded=0, missed=0"],
      "unrecorded in --find-max needs --check history: add it",
      "missed in --find-max is never measured: remove it",
    ],
    [
      ["--rate=5", "--abort=unanswered>0,missed>0,p99>2x", "--publish=http", "--storm=1@1s"],
      `unanswered in --abort ${AT_THE_END}`,
      `missed in --abort ${AT_THE_END}`,
      '--abort takes no multiple of a baseline: its gate was "p99>2x"',
    ],
    [["--rate=5", "--abort=refused>0"], `refused in --abort ${AT_THE_END}`],
    [["--rate=5", "--abort=unreached>0"], `unreached in --abort ${AT_THE_END}`],
    [["--rate=5", "--abort=unrecorded>0"], `unrecorded in --abort ${AT_THE_END}`],
    [
      ["--rate=5", "--abort=p99>2x", "--baseline=b"],
      '--abort takes no multiple of a baseline: its gate was "p99>2x"',
    ],
    [
      ["--rate=5", "--expect=p99<=1.1x"],
      "the gate p99<=1.1x needs a baseline: add --baseline FILE",
    ],
    [
      ["--rate=5", "--expect=missed<9", "--expect=missed>0"],
      "missed in --expect needs --storm: add it",
    ],
  ] as const
) {
  Deno.test(`gateFaults() reports ${args.join(" ")}`, () => {
    assertEquals(faultsOf(args), faults.map((fault) => `Cannot start because ${fault}`));
  });
}
