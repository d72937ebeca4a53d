import { assertEquals } from "@std/assert";
import { type FlagTable, parseFlags } from "../../lib/cli/flags.ts";

const TABLE = {
  port: { kind: "integer", default: 8000, value: "PORT", min: 0, max: 65535, help: "" },
  drainTimeoutMs: { kind: "duration", default: 5000, min: 10, help: "" },
  logFormat: { kind: "choice", default: "text", choices: ["text", "json"], help: "" },
  name: {
    kind: "text",
    default: "",
    value: "NAME",
    help: "",
    check: (text) => text.includes(" ") ? "one word" : undefined,
  },
  allowOrigin: {
    kind: "list",
    default: [],
    value: "ORIGIN",
    help: "",
    check: (text) => text === "" ? "an origin" : undefined,
  },
  echo: { kind: "switch", default: false, help: "" },
  reconnect: { kind: "switch", default: true, help: "" },
  help: { kind: "command", default: false, short: "h", help: "" },
} as const satisfies FlagTable;

const DEFAULTS = {
  port: 8000,
  drainTimeoutMs: 5000,
  logFormat: "text",
  name: "",
  allowOrigin: [] as readonly string[],
  echo: false,
  reconnect: true,
  help: false,
} as const;

function parse(args: string[], variables: Record<string, string> = {}) {
  return parseFlags(TABLE, { args, env: (name) => variables[name] });
}

const GOOD: readonly [args: string[], config: Partial<Record<keyof typeof DEFAULTS, unknown>>][] = [
  [[], {}],
  [["--port", "0"], { port: 0 }],
  [["--port=65535"], { port: 65535 }],
  [["--port", "1", "--port", "2"], { port: 2 }],
  [["--drain-timeout", "250ms"], { drainTimeoutMs: 250 }],
  [["--log-format", "json"], { logFormat: "json" }],
  [["--name", "x"], { name: "x" }],
  [["--name="], { name: "" }],
  [["--name", ""], { name: "" }],
  [["--name=--echo"], { name: "--echo" }],
  [["--name", "7"], { name: "7" }],
  [["--allow-origin", "a,b", "--allow-origin", "c"], { allowOrigin: ["a", "b", "c"] }],
  [["--echo"], { echo: true }],
  [["--echo=false"], { echo: false }],
  [["--echo", "false"], { echo: false }],
  [["--no-echo"], { echo: false }],
  [["--no-reconnect"], { reconnect: false }],
  [["-h"], { help: true }],
];

for (const [args, changes] of GOOD) {
  Deno.test(`parseFlags() reads ${JSON.stringify(args)}`, () => {
    const { config, faults } = parse(args);
    assertEquals(faults, []);
    assertEquals<unknown>(config, { ...DEFAULTS, ...changes });
  });
}

const BAD: readonly [args: string[], faults: string[]][] = [
  [["--port", "65536"], [
    'Cannot start as --port (CHORUS_PORT) must be a whole number from 0 to 65535: --port was "65536"',
  ]],
  [["--port", "1.5"], [
    'Cannot start as --port (CHORUS_PORT) must be a whole number from 0 to 65535: --port was "1.5"',
  ]],
  [["--port"], [
    'Cannot start as --port (CHORUS_PORT) must be a whole number from 0 to 65535: --port was ""',
  ]],
  [["--drain-timeout", "5"], [
    'Cannot start as --drain-timeout (CHORUS_DRAIN_TIMEOUT) must be a duration such as 250ms, 2s or 1m: --drain-timeout was "5"',
  ]],
  [["--drain-timeout", "9ms"], [
    'Cannot start as --drain-timeout (CHORUS_DRAIN_TIMEOUT) must be at least 10ms: --drain-timeout was "9ms"',
  ]],
  [["--log-format", "xml"], [
    'Cannot start as --log-format (CHORUS_LOG_FORMAT) must be one of text, json: --log-format was "xml"',
  ]],
  [["--name", "two words"], [
    'Cannot start as --name (CHORUS_NAME) must be one word: --name was "two words"',
  ]],
  [["--allow-origin", "a,,b"], [
    'Cannot start as --allow-origin (CHORUS_ALLOW_ORIGIN) must be an origin: --allow-origin was ""',
  ]],
  [["--echo=maybe"], [
    'Cannot start as --echo (CHORUS_ECHO) must be true or false: --echo was "maybe"',
  ]],
  [["--no-echo=false"], [
    'Cannot start as --echo (CHORUS_ECHO) must be true or false: --echo was "--no-echo=false"',
  ]],
  [["--port", ""], [
    'Cannot start as --port (CHORUS_PORT) must be a whole number from 0 to 65535: --port was ""',
  ]],
  [["--no-help"], ["Cannot start as there is no such flag: --no-help (did you mean --help?)"]],
  [["--prot", "1"], ["Cannot start as there is no such flag: --prot (did you mean --port?)"]],
  [["--drain", "1s"], [
    "Cannot start as there is no such flag: --drain (did you mean --drain-timeout?)",
  ]],
  [["--utterly-else"], [
    "Cannot start as there is no such flag: --utterly-else (--help lists them all)",
  ]],
  [["--__proto__.x=1"], [
    "Cannot start as there is no such flag: --__proto__.x (--help lists them all)",
  ]],
  [["-z"], ["Cannot start as there is no such flag: -z (--help lists them all)"]],
  [["stray"], ['Cannot start as no argument is expected: it was "stray"']],
  [["--", "--echo"], ['Cannot start as no argument is expected: it was "--echo"']],
  [["--port=x", "--log-format=y", "--ecko", "z"], [
    "Cannot start as there is no such flag: --ecko (did you mean --echo?)",
    'Cannot start as --port (CHORUS_PORT) must be a whole number from 0 to 65535: --port was "x"',
    'Cannot start as --log-format (CHORUS_LOG_FORMAT) must be one of text, json: --log-format was "y"',
  ]],
];

for (const [args, faults] of BAD) {
  Deno.test(`parseFlags() finds ${faults.length} faults in ${JSON.stringify(args)}`, () => {
    assertEquals(parse(args).faults, faults);
  });
}

Deno.test("parseFlags() takes the environment, which a flag beats", () => {
  const variables = {
    CHORUS_PORT: "1",
    CHORUS_DRAIN_TIMEOUT: "1m",
    CHORUS_ALLOW_ORIGIN: "a, b",
    CHORUS_ECHO: "1",
    CHORUS_RECONNECT: "0",
    CHORUS_HELP: "a command has no variable",
  };
  const { config, sources, faults } = parse(["--port", "2"], variables);
  assertEquals(faults, []);
  assertEquals<unknown>(config, {
    ...DEFAULTS,
    port: 2,
    drainTimeoutMs: 60_000,
    allowOrigin: ["a", "b"],
    echo: true,
    reconnect: false,
  });
  assertEquals([sources.port, sources.echo, sources.name], ["flag", "environment", "default"]);
});

Deno.test("parseFlags() names the variable that is wrong", () => {
  assertEquals(parse([], { CHORUS_PORT: "x" }).faults, [
    'Cannot start as --port (CHORUS_PORT) must be a whole number from 0 to 65535: CHORUS_PORT was "x"',
  ]);
});

Deno.test("parseFlags() names no variables where there are none", () => {
  assertEquals(parseFlags(TABLE, { args: ["--port", "x"] }).faults, [
    'Cannot start as --port must be a whole number from 0 to 65535: --port was "x"',
  ]);
});
