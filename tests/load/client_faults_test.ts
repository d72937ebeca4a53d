import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags.ts";
import { clientFaults } from "../../lib/load/client_faults.ts";
import { CLIENT_FLAGS } from "../../lib/load/config.ts";

function faultsOf(...args: string[]): readonly string[] {
  const { config, sources, faults } = parseFlags(CLIENT_FLAGS, { args });
  assertEquals(faults, []);
  return clientFaults(config, sources);
}

for (
  const args of [
    [],
    ["--interval=1s", "--every=fixed", "--seed=1", "--quiet"],
    ["--rate=5", "--expect=lost=0", "--report=r.html", "--slow=2", "--senders=7", "--workers=9"],
    ["--verify", "--interval=1s", "--hdr=h", "--strict"],
    ["--find-max=lost=0", "--duration=1s", "--rate=10"],
  ]
) {
  Deno.test(`clientFaults() finds nothing wrong with ${args.join(" ") || "no flags"}`, () => {
    assertEquals(faultsOf(...args), []);
  });
}

for (
  const [args, ...faults] of [
    [["--strict", "--churn=1"], "--churn needs --rate, --verify or", "--strict needs --rate"],
    [["--rate=5", "--interval=1s"], "--interval says when each user speaks"],
    [["--rate=5", "--no-reconnect"], "--reconnect is for users who talk"],
    [["--find-max=lost=0", "--hdr=h"], "--hdr is for a single run"],
    [["--rate=5", "--slow=100%"], "0 send and 9 are slow of 9"],
    [["--rate=5", "--senders=9", "--slow=1"], "9 send and 1 are slow of 9"],
    [["--rate=5", "--senders=10"], "10 send and 0 are slow of 9"],
    [["--rate=5", "--workers=10"], "--workers must not be more than --count: 10 of 9"],
  ] as const
) {
  Deno.test(`clientFaults() finds what is wrong with ${args.join(" ")}`, () => {
    const found = faultsOf(...args);
    assertEquals(found.length, faults.length);
    faults.forEach((fault, at) => assertStringIncludes(found[at]!, fault));
  });
}

for (
  const [flag, mustBe] of [
    ["--slow=101%", "--slow must be a number of users or a part of them"],
    ["--slow=-1", "--slow must be"],
    ["--find-max=lost=0,p99", "--find-max must be gates with commas between them"],
    ["--expect=p99<5", "--expect must be a measure, a comparison and a limit"],
  ]
) {
  Deno.test(`the client's flags refuse ${flag}`, () => {
    const { faults } = parseFlags(CLIENT_FLAGS, { args: [flag!] });
    assertEquals(faults.length, 1);
    assertStringIncludes(faults[0]!, mustBe!);
  });
}
