import { assertEquals } from "@std/assert";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS } from "../../../lib/load/config.ts";
import { askedDifferences, askedOf, commandOf } from "../../../lib/load/report/asked.ts";

function asked(...args: string[]) {
  const { config, sources, faults } = parseFlags(CLIENT_FLAGS, { args });
  assertEquals(faults, []);
  return askedOf(config, sources);
}

for (
  const args of [
    ["--count 5", "--rate 100", "--duration 1s", "--expect 'p99<1ms'", "--expect lost=0"],
    ["--message '{\"text\":\"it'\\''s {marker}\"}'", "--verify", "--protocol a,b"],
    ["--count 2", "--no-reconnect"],
  ]
) {
  Deno.test(`commandOf() returns the flags that were given: ${args.join(" ")}`, () => {
    const unquoted = args.flatMap((arg) => {
      const [name, ...value] = arg.split(" ");
      const text = value.join(" ").replace(/^'(.*)'$/, "$1").replace("'\\''", "'");
      return text === "" ? [name!] : [name!, text];
    });
    const command = commandOf(asked(...unquoted));
    assertEquals(
      command.replace("deno task client ", "").split(/ (?=--)/).sort(),
      args.toSorted(),
    );
  });
}

Deno.test("askedOf() hides tokens and the values of headers", () => {
  const { config } = asked("--token=secret", "-H", "X-Key: secret", "--rate=1");
  assertEquals([config.token, config.header], ["(hidden)", ["X-Key: (hidden)"]]);
  assertEquals(asked("--rate=1").config.token, "");
});

Deno.test("askedDifferences() names each flag that makes the figures differ", () => {
  const one = asked("--rate=500", "--room=a", "--duration=8s", "--json", "--expect=lost=0");
  const other = asked("--rate=400", "--duration=1m", "--report=r.html", "--count=20");
  assertEquals(askedDifferences(one.config, other.config), [
    "--room a instead of none",
    "--count 9 instead of 20",
    "--duration 8s instead of 1m",
    "--rate 500 instead of 400",
  ]);
  assertEquals(askedDifferences(one.config, one.config), []);
});
