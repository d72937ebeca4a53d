import { assertEquals } from "@std/assert";
import { MAX_AGE_MS } from "../../../lib/cli/flags/duration.ts";
import type { FlagTable } from "../../../lib/cli/flags/flag.ts";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";

const TABLE = {
  port: { kind: "integer", default: 8000, value: "PORT", min: 0, max: 65535, help: "" },
  drainTimeoutMs: { kind: "duration", default: 5000, min: 10, help: "" },
  historyAgeMs: { kind: "duration", default: 0, max: MAX_AGE_MS, help: "" },
  logBytes: { kind: "size", default: 1024, min: 1000, max: 1024 ** 3, help: "" },
  cacheBytes: {
    kind: "size",
    default: 0,
    min: 1024,
    max: 1024 ** 3,
    zeroDisables: true,
    help: "",
  },
  sendRate: { kind: "rate", default: 0, of: "count", help: "" },
  byteRate: { kind: "rate", default: 0, of: "bytes", help: "" },
  logFormat: { kind: "choice", default: "text", choices: ["text", "json"], help: "" },
  name: {
    kind: "text",
    default: "",
    value: "NAME",
    help: "",
    check: (text) => text.includes(" ") ? "one word" : undefined,
  },
  greeting: { kind: "text", default: "Hi", value: "TEXT", allowsEmptyText: true, help: "" },
  allowOrigin: {
    kind: "list",
    default: [],
    value: "ORIGIN",
    help: "",
    check: (text) => text === "" ? "an origin" : undefined,
  },
  rooms: {
    kind: "list",
    default: [],
    value: "ROOM",
    refusesEmptyText: true,
    help: "",
    check: (text) => text === "" ? "a room" : undefined,
  },
  echo: { kind: "switch", default: false, help: "" },
  reconnect: { kind: "switch", default: true, help: "" },
  header: { kind: "each", default: [], short: "H", value: "HEADER", help: "" },
  version: { kind: "command", default: false, short: "v", help: "" },
  help: { kind: "help", default: false, short: "h", help: "" },
} as const satisfies FlagTable;

const DEFAULTS = {
  port: 8000,
  drainTimeoutMs: 5000,
  historyAgeMs: 0,
  logBytes: 1024,
  cacheBytes: 0,
  sendRate: 0,
  byteRate: 0,
  logFormat: "text",
  name: "",
  greeting: "Hi",
  allowOrigin: [] as readonly string[],
  rooms: [] as readonly string[],
  echo: false,
  reconnect: true,
  header: [] as readonly string[],
  version: false,
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
  [["--cache-bytes", "1KiB"], { cacheBytes: 1024 }],
  [["--cache-bytes", "0"], { cacheBytes: 0 }],
  [["--log-bytes", "64KiB"], { logBytes: 65_536 }],
  [["--send-rate", "600/m", "--byte-rate", "1KiB/s"], { sendRate: 10, byteRate: 1024 }],
  [["--log-format", "json"], { logFormat: "json" }],
  [["--name", "x"], { name: "x" }],
  [["--greeting="], { greeting: "" }],
  [["--greeting", ""], { greeting: "" }],
  [["--name=--echo"], { name: "--echo" }],
  [["--name", "7"], { name: "7" }],
  [["--allow-origin", "a,b", "--allow-origin", "c"], { allowOrigin: ["a", "b", "c"] }],
  [["--allow-origin="], { allowOrigin: [] }],
  [["--allow-origin=", "--allow-origin", "a"], { allowOrigin: ["a"] }],
  [["--drain-timeout", "596h"], { drainTimeoutMs: 596 * 3_600_000 }],
  [["--history-age", "876000h"], { historyAgeMs: 876_000 * 3_600_000 }],
  [["--echo"], { echo: true }],
  [["--echo=false"], { echo: false }],
  [["--echo", "false"], { echo: false }],
  [["--no-echo"], { echo: false }],
  [["--no-reconnect"], { reconnect: false }],
  [["--echo", "true"], { echo: true }],
  [["--echo=0"], { echo: false }],
  [["--echo", "--no-echo"], { echo: false }],
  [["--no-echo", "--echo"], { echo: true }],
  [["--echo=maybe", "--echo"], { echo: true }],
  [["--no-reconnect", "--port", "1"], { reconnect: false, port: 1 }],
  [["--name", "", "--name", "x"], { name: "x" }],
  [["--name=-5"], { name: "-5" }],
  [["--name=a=b"], { name: "a=b" }],
  [["--name", "007"], { name: "007" }],
  [["-H", "a: b"], { header: ["a: b"] }],
  [["-H=a: b"], { header: ["a: b"] }],
  [["-H", "a: b, c", "--header", "d: e", "--header=f:"], { header: ["a: b, c", "d: e", "f:"] }],
  [["-hH", "a: b"], { help: "common", header: ["a: b"] }],
  [["-h"], { help: "common" }],
  [["-h", "all"], { help: "all" }],
  [["--help", "all"], { help: "all" }],
  [["--help=all"], { help: "all" }],
  [["--version"], { version: true }],
  [["-v", "true"], { version: true }],
  [["--version", "false"], { version: false }],
  [["-v=false"], { version: false }],
];

for (const [args, changes] of GOOD) {
  Deno.test(`parseFlags() reads ${JSON.stringify(args)}`, () => {
    const { config, faults } = parse(args);
    assertEquals(faults, []);
    assertEquals<unknown>(config, { ...DEFAULTS, ...changes });
  });
}

const PORT = "Cannot start because --port (CHORUS_PORT) must be a whole number from 0 to 65535:";
const FORMAT = "Cannot start because --log-format (CHORUS_LOG_FORMAT) must be one of text, json:";
const DRAIN = "Cannot start because --drain-timeout (CHORUS_DRAIN_TIMEOUT) must be";

const EMPTY_NAME = "Cannot start because --name is empty: give it a value, or leave it out";

const BAD: readonly [args: string[], faults: string[]][] = [
  [["--port", "65536"], [
    `${PORT} --port was "65536"`,
  ]],
  [["--port", "1.5"], [
    `${PORT} --port was "1.5"`,
  ]],
  [["--port"], ["Cannot start because --port has no value: write --port=PORT"]],
  [["--name"], ["Cannot start because --name has no value: write --name=NAME"]],
  [["--name", "--echo"], ["Cannot start because --name has no value: write --name=NAME"]],
  [["--name", "-h"], ["Cannot start because --name has no value: write --name=NAME"]],
  [["--name", "--"], ["Cannot start because --name has no value: write --name=NAME"]],
  [["--name", "--name", "x"], ["Cannot start because --name has no value: write --name=NAME"]],
  [["--greeting"], ["Cannot start because --greeting has no value: write --greeting=TEXT"]],
  [["--allow-origin", "--rooms"], [
    "Cannot start because --allow-origin has no value: write --allow-origin=ORIGIN",
    "Cannot start because --rooms has no value: write --rooms=ROOM",
  ]],
  [["-H"], ["Cannot start because --header has no value: write --header=HEADER"]],
  [["--log-format"], [
    "Cannot start because --log-format has no value: write --log-format=text|json",
  ]],
  [["--drain-timeout", "--log-bytes", "--send-rate"], [
    "Cannot start because --drain-timeout has no value: write --drain-timeout=DURATION",
    "Cannot start because --log-bytes has no value: write --log-bytes=SIZE",
    "Cannot start because --send-rate has no value: write --send-rate=RATE",
  ]],
  [["--name="], [EMPTY_NAME]],
  [["--name", ""], [EMPTY_NAME]],
  [["--name", " "], [EMPTY_NAME]],
  [["--name", "x", "--name", ""], [EMPTY_NAME]],
  [["--drain-timeout", "5"], [
    `${DRAIN} a duration such as 250ms, 2s, or 1m: --drain-timeout was "5"`,
  ]],
  [["--drain-timeout", "9ms"], [
    `${DRAIN} at least 10ms: --drain-timeout was "9ms"`,
  ]],
  [["--drain-timeout", "597h"], [
    `${DRAIN} at most 596h: --drain-timeout was "597h"`,
  ]],
  [["--rooms="], [
    'Cannot start because --rooms (CHORUS_ROOMS) must be a room: --rooms was ""',
  ]],
  [["--log-bytes", "64KB"], [
    "Cannot start because --log-bytes (CHORUS_LOG_BYTES) must be a size such as 1000, 64KiB, " +
    'or 16MiB: --log-bytes was "64KB"',
  ]],
  [["--log-bytes", "999"], [
    "Cannot start because --log-bytes (CHORUS_LOG_BYTES) must be from 1000 to 1GiB: " +
    '--log-bytes was "999"',
  ]],
  [["--cache-bytes", "1"], [
    "Cannot start because --cache-bytes (CHORUS_CACHE_BYTES) must be 0, or from 1KiB to 1GiB: " +
    '--cache-bytes was "1"',
  ]],
  [["--send-rate", "100"], [
    "Cannot start because --send-rate (CHORUS_SEND_RATE) must be a rate such as 100/s or " +
    '600/m, or 0: --send-rate was "100"',
  ]],
  [["--byte-rate", "100"], [
    "Cannot start because --byte-rate (CHORUS_BYTE_RATE) must be a rate such as 64KiB/s or " +
    '1MiB/m, or 0: --byte-rate was "100"',
  ]],
  [["--log-format", "xml"], [
    `${FORMAT} --log-format was "xml"`,
  ]],
  [["--name", "two words"], [
    'Cannot start because --name (CHORUS_NAME) must be one word: --name was "two words"',
  ]],
  [["--allow-origin", "a,,b"], [
    "Cannot start because --allow-origin (CHORUS_ALLOW_ORIGIN) must be an origin: " +
    '--allow-origin was ""',
  ]],
  [["--echo=maybe"], [
    'Cannot start because --echo (CHORUS_ECHO) must be true or false: --echo was "maybe"',
  ]],
  [["--no-echo=false"], [
    'Cannot start because --echo (CHORUS_ECHO) must be true or false: --echo was "--no-echo=false"',
  ]],
  [["--echo="], [
    'Cannot start because --echo (CHORUS_ECHO) must be true or false: --echo was ""',
  ]],
  [["-host", "0.0.0.0"], [
    "Cannot start because there is no flag -host (--help all lists them all)",
  ]],
  [["-xyz", "-xyz"], ["Cannot start because there is no flag -xyz (--help all lists them all)"]],
  [["-v=x"], ['Cannot start because --version must be true or false: --version was "x"']],
  [["-h=x"], ['Cannot start because --help must be all, or have no value: --help was "x"']],
  [["--help", "x"], ['Cannot start because --help must be all, or have no value: --help was "x"']],
  [["--echo", "1"], ['Cannot start because the program takes no arguments: it was given "1"']],
  [["--no-echo", "false"], [
    'Cannot start because the program takes no arguments: it was given "false"',
  ]],
  [["--port="], [
    `${PORT} --port was ""`,
  ]],
  [["--port", "-1"], [
    "Cannot start because there is no flag -1 (--help all lists them all)",
    "Cannot start because --port has no value: write --port=PORT",
  ]],
  [["--port=-1"], [
    `${PORT} --port was "-1"`,
  ]],
  [["--port", "1e3"], [
    `${PORT} --port was "1e3"`,
  ]],
  [["--name", "-"], [
    'Cannot start because the program takes no arguments: it was given "-"',
    "Cannot start because --name has no value: write --name=NAME",
  ]],
  [[""], ['Cannot start because the program takes no arguments: it was given ""']],
  [["7"], ['Cannot start because the program takes no arguments: it was given "7"']],
  [["--", "--", "-h"], [
    'Cannot start because the program takes no arguments: it was given "--"',
    'Cannot start because the program takes no arguments: it was given "-h"',
  ]],
  [["--prot=1"], ["Cannot start because there is no flag --prot (did you mean --port?)"]],
  [["--ecko", "--prot"], [
    "Cannot start because there is no flag --ecko (did you mean --echo?)",
    "Cannot start because there is no flag --prot (did you mean --port?)",
  ]],
  [["--no-port"], ["Cannot start because there is no flag --no-port (did you mean --port?)"]],
  [["--__proto__=1"], [
    "Cannot start because there is no flag --__proto__ (--help all lists them all)",
  ]],
  [["--constructor"], [
    "Cannot start because there is no flag --constructor (--help all lists them all)",
  ]],
  [["-z", "1"], ["Cannot start because there is no flag -z (--help all lists them all)"]],
  [["-z=1"], ["Cannot start because there is no flag -z (--help all lists them all)"]],
  [["--port", ""], [
    `${PORT} --port was ""`,
  ]],
  [["--no-help"], ["Cannot start because there is no flag --no-help (did you mean --help?)"]],
  [["--prot", "1"], ["Cannot start because there is no flag --prot (did you mean --port?)"]],
  [["--drain", "1s"], [
    "Cannot start because there is no flag --drain (did you mean --drain-timeout?)",
  ]],
  [["--utterly-else"], [
    "Cannot start because there is no flag --utterly-else (--help all lists them all)",
  ]],
  [["--__proto__.x=1"], [
    "Cannot start because there is no flag --__proto__.x (--help all lists them all)",
  ]],
  [["-z"], ["Cannot start because there is no flag -z (--help all lists them all)"]],
  [["stray"], ['Cannot start because the program takes no arguments: it was given "stray"']],
  [["--", "--echo"], [
    'Cannot start because the program takes no arguments: it was given "--echo"',
  ]],
  [["--port=x", "--log-format=y", "--ecko", "z"], [
    "Cannot start because there is no flag --ecko (did you mean --echo?)",
    `${PORT} --port was "x"`,
    `${FORMAT} --log-format was "y"`,
  ]],
];

for (const [args, faults] of BAD) {
  Deno.test(`parseFlags() reports ${faults.length} faults in ${JSON.stringify(args)}`, () => {
    assertEquals(parse(args).faults, faults);
  });
}

Deno.test("parseFlags() reads the environment, and prefers a flag", () => {
  const variables = {
    CHORUS_PORT: "1",
    CHORUS_DRAIN_TIMEOUT: "1m",
    CHORUS_ALLOW_ORIGIN: "a, b",
    CHORUS_ECHO: "1",
    CHORUS_RECONNECT: "0",
    CHORUS_HELP: "a command has no variable",
    CHORUS_VERSION: "a command has no variable",
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

Deno.test("parseFlags() overrides the list of a file with none", () => {
  const { config, sources, faults } = parseFlags(TABLE, {
    args: [],
    env: (name) => name === "CHORUS_ALLOW_ORIGIN" ? "" : undefined,
    file: { path: "x.jsonc", values: new Map([["allow-origin", ["a"]]]) },
  });
  assertEquals([config.allowOrigin, sources.allowOrigin, faults], [[], "environment", []]);
});

Deno.test("parseFlags() names a variable with a wrong value", () => {
  assertEquals(parse([], { CHORUS_PORT: "x" }).faults, [
    `${PORT} CHORUS_PORT was "x"`,
  ]);
});

Deno.test("parseFlags() refuses an empty text in a variable and in the file", () => {
  const file = { path: "x.jsonc", values: new Map([["name", ""], ["greeting", ""]]) };
  const empty = (variables: Record<string, string>) =>
    parseFlags(TABLE, { args: [], env: (name) => variables[name], file });
  assertEquals(empty({ CHORUS_NAME: "", CHORUS_GREETING: "" }).faults, [
    "Cannot start because CHORUS_NAME is empty: give it a value, or leave it unset",
  ]);
  const { config, faults } = empty({});
  assertEquals(faults, [
    "Cannot start because name in x.jsonc is empty: give it a value, or leave it out",
  ]);
  assertEquals(config.greeting, "");
});

Deno.test("parseFlags() refers to --help if there is no --help all", () => {
  const { echo } = TABLE;
  const help = { kind: "command", default: false, help: "" } as const;
  assertEquals(parseFlags({ echo, help }, { args: ["--utterly-else"] }).faults, [
    "Cannot start because there is no flag --utterly-else (--help lists them all)",
  ]);
});

Deno.test("parseFlags() names no variables in a program without them", () => {
  assertEquals(parseFlags(TABLE, { args: ["--port", "x"] }).faults, [
    'Cannot start because --port must be a whole number from 0 to 65535: --port was "x"',
  ]);
});

Deno.test("parseFlags() prefers a flag to its variable, and a variable to the file", () => {
  const variables = { CHORUS_PORT: "2", CHORUS_NAME: "two" };
  const file = {
    path: "x.jsonc",
    values: new Map(Object.entries({ port: 3, name: "3", echo: true })),
  };
  const { config, sources, faults } = parseFlags(TABLE, {
    args: ["--port", "1"],
    env: (name) => variables[name as keyof typeof variables],
    file,
  });
  assertEquals(faults, []);
  assertEquals<unknown>(config, { ...DEFAULTS, port: 1, name: "two", echo: true });
  assertEquals(
    [sources.port, sources.name, sources.echo, sources.logFormat],
    ["flag", "environment", "file", "default"],
  );
});

Deno.test("parseFlags() reports the faults of flags, variables, and the file together", () => {
  const values = new Map<string, unknown>(Object.entries({ "log-format": "xml", prot: 1 }));
  const { faults } = parseFlags(TABLE, {
    args: ["--ecko", "--port=x"],
    env: (name) => name === "CHORUS_ECHO" ? "maybe" : undefined,
    file: { path: "x.jsonc", values },
  });
  assertEquals(faults, [
    "Cannot start because there is no flag --ecko (did you mean --echo?)",
    'Cannot start because x.jsonc has an unknown key "prot" (did you mean "port"?)',
    `${PORT} --port was "x"`,
    'Cannot start because log-format in x.jsonc must be one of text, json: it was "xml"',
    'Cannot start because --echo (CHORUS_ECHO) must be true or false: CHORUS_ECHO was "maybe"',
  ]);
});

Deno.test("parseFlags() does not check a value in the file that a flag overrides", () => {
  const file = { path: "x.jsonc", values: new Map([["port", "many"]]) };
  const { config, faults } = parseFlags(TABLE, { args: ["--port", "1"], file });
  assertEquals([config.port, faults], [1, []]);
});
