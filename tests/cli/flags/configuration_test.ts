import { assertEquals } from "@std/assert";
import { parseConfiguration } from "../../../lib/cli/flags/configuration.ts";
import type { FlagTable } from "../../../lib/cli/flags/flag.ts";

const TABLE = {
  port: { kind: "integer", default: 8000, value: "PORT", min: 0, max: 65535, help: "" },
  echo: { kind: "switch", default: false, help: "" },
  config: { kind: "text", default: "", value: "FILE", help: "" },
} as const satisfies FlagTable;

const FILES: Readonly<Record<string, string>> = {
  "a.jsonc": '{ "port": 1 }',
  "b.jsonc": '{ "port": 2 }',
  "wrong.jsonc": '{ "port": "many" }',
  "broken.jsonc": '{ "port" }',
};

function parse(args: readonly string[], variables: Record<string, string> = {}) {
  return parseConfiguration(TABLE, {
    args,
    env: (name) => variables[name],
    readTextFile: (path) => {
      const text = FILES[path];
      if (text === undefined) throw new Deno.errors.NotFound("No such file");
      return text;
    },
    findFaults: ({ echo }) => echo ? ["Cannot echo"] : [],
  });
}

Deno.test("parseConfiguration() reads the file that --config or its variable names", () => {
  const variables = { CHORUS_CONFIG: "b.jsonc" };
  assertEquals(parse([]).config.port, 8000);
  assertEquals(parse([], variables).config.port, 2);
  assertEquals(parse(["--config", "a.jsonc"], variables).config.port, 1);
  assertEquals(parse([], variables).sources, {
    port: "file",
    echo: "default",
    config: "environment",
  });
});

Deno.test("parseConfiguration() reports faults of values, and of values together", () => {
  assertEquals(parse(["--config", "wrong.jsonc", "--echo"]).faults, [
    "Cannot start because port in wrong.jsonc must be a whole number from 0 to 65535: " +
    'it was "many"',
    "Cannot echo",
  ]);
});

Deno.test("parseConfiguration() reports an empty --config without what its file could set", () => {
  const empty = "is empty: give it a value, or leave it";
  assertEquals(parse(["--echo"], { CHORUS_CONFIG: "" }).faults, [
    `Cannot start because CHORUS_CONFIG ${empty} unset`,
  ]);
  assertEquals(parse(["--echo", "--config="], { CHORUS_CONFIG: "b.jsonc" }).faults, [
    `Cannot start because --config ${empty} out`,
  ]);
  assertEquals(parse(["--config", "--echo"]).faults, [
    "Cannot start because --config has no value: write --config=FILE",
  ]);
});

Deno.test("parseConfiguration() reports a file that cannot be read with the other faults", () => {
  const { config, faults } = parse(["--config", "none.jsonc", "--port=x", "--echo"]);
  assertEquals(config.echo, true);
  assertEquals(faults, [
    "Cannot start because --port (CHORUS_PORT) must be a whole number from 0 to 65535: " +
    '--port was "x"',
    "Cannot read --config none.jsonc: No such file",
  ]);
  assertEquals(parse([], { CHORUS_CONFIG: "broken.jsonc" }).faults, [
    "Cannot read CHORUS_CONFIG broken.jsonc: it is not valid JSONC at line 1, column 10",
  ]);
});
