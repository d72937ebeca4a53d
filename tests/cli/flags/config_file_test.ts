import { assertEquals, assertThrows } from "@std/assert";
import {
  ConfigFileError,
  fileKeyFaults,
  readConfigFile,
  readFileValue,
} from "../../../lib/cli/flags/config_file.ts";
import type { Flag, FlagTable } from "../../../lib/cli/flags/flag.ts";

function valuesOf(text: string): Record<string, unknown> {
  return Object.fromEntries(readConfigFile("x.jsonc", () => text).values);
}

Deno.test("readConfigFile() reads JSON with comments, trailing commas, and a byte order mark", () => {
  const text = '\uFEFF{\n  // one\n  "port": 1, /* two */ "allow-origin": ["a",],\n}\n';
  assertEquals(valuesOf(text), { port: 1, "allow-origin": ["a"] });
});

Deno.test("readConfigFile() takes the last value of a key that occurs twice", () => {
  assertEquals(valuesOf('{"port": 1, "port": 2}'), { port: 2 });
});

const UNREADABLE: readonly [text: string, message: string][] = [
  ['{\n  "port": }\n', "it is not valid JSONC at line 2, column 11"],
  ['{\r\n"a": 1\r\n  "b": 2}', "it is not valid JSONC at line 3, column 3"],
  ['{"a": "secret\n}', "it is not valid JSONC at line 1, column 7"],
  ["port = 1", "it is not valid JSONC at line 1, column 1"],
  ['{"port": 1', "it ends too early: check its braces, brackets, and comments"],
  ["", "it ends too early: check its braces, brackets, and comments"],
  ["[]", 'it must contain an object, such as { "port": 8000 }'],
  ["null", 'it must contain an object, such as { "port": 8000 }'],
];

for (const [text, message] of UNREADABLE) {
  Deno.test(`readConfigFile() throws for ${JSON.stringify(text)}`, () => {
    const error = assertThrows(() => readConfigFile("x.jsonc", () => text), ConfigFileError);
    assertEquals(error.message, message);
  });
}

Deno.test("readConfigFile() throws the reason why a file cannot be read", () => {
  const error = assertThrows(
    () =>
      readConfigFile("x.jsonc", () => {
        throw new TypeError("file name contained an unexpected NUL byte");
      }),
    ConfigFileError,
  );
  assertEquals(error.message, "file name contained an unexpected NUL byte");
});

const TABLE = {
  maxRooms: { kind: "integer", default: 1, value: "N", min: 1, max: 9, help: "" },
  drainTimeoutMs: { kind: "duration", default: 0, help: "" },
  echo: { kind: "switch", default: false, help: "" },
  config: { kind: "text", default: "", value: "FILE", help: "" },
  version: { kind: "command", default: false, help: "" },
  help: { kind: "help", default: false, help: "" },
} as const satisfies FlagTable;

Deno.test("fileKeyFaults() accepts the settings of the table", () => {
  const values = new Map<string, unknown>([["max-rooms", 1], ["drain-timeout", 1], ["echo", 1]]);
  assertEquals(fileKeyFaults(TABLE, { path: "x.jsonc", values }), []);
});

const KEYS: readonly [key: string, fault: string][] = [
  ["max-room", 'has an unknown key "max-room" (did you mean "max-rooms"?)'],
  ["maxRooms", 'has an unknown key "maxRooms" (did you mean "max-rooms"?)'],
  ["--max-rooms", 'has an unknown key "--max-rooms" (did you mean "max-rooms"?)'],
  ["no-echo", 'has an unknown key "no-echo" (did you mean "echo"?)'],
  ["network", 'has an unknown key "network" (--help all lists them all)'],
  ["__proto__", 'has an unknown key "__proto__" (--help all lists them all)'],
  ["", 'has an unknown key "" (--help all lists them all)'],
  ["help", 'must not have the key "help": use --help'],
  ["version", 'must not have the key "version": use --version'],
  ["config", 'must not have the key "config": use --config'],
];

for (const [key, fault] of KEYS) {
  Deno.test(`fileKeyFaults() refuses the key ${JSON.stringify(key)}`, () => {
    const file = readConfigFile("x.jsonc", () => `{${JSON.stringify(key)}: {}}`);
    assertEquals(fileKeyFaults(TABLE, file), [`Cannot start because x.jsonc ${fault}`]);
  });
}

const ANY = { default: 0, value: "", min: 1, max: 1e9, help: "" } as const;
const CHECK = (text: string) => text.startsWith("x") ? undefined : "an x";
const TEXT: Flag = { kind: "text", default: "", value: "", help: "", check: CHECK };
const LIST: Flag = { kind: "list", default: [], value: "", help: "", check: CHECK };
const EACH: Flag = { kind: "each", default: [], value: "", help: "" };
const INTEGER: Flag = { ...ANY, kind: "integer" };
const SIZE: Flag = { ...ANY, kind: "size" };
const RATE: Flag = { kind: "rate", default: 0, of: "count", help: "" };
const DURATION: Flag = { kind: "duration", default: 0, help: "" };
const SWITCH: Flag = { kind: "switch", default: false, help: "" };
const CHOICE: Flag = { kind: "choice", default: "text", choices: ["text", "json"], help: "" };

const RIGHT: readonly [flag: Flag, inFile: unknown, value: unknown][] = [
  [INTEGER, 5000, 5000],
  [INTEGER, "5000", 5000],
  [SIZE, 1000, 1000],
  [SIZE, "64KiB", 65_536],
  [RATE, "600/m", 10],
  [RATE, 0, 0],
  [DURATION, "10s", 10_000],
  [DURATION, 0, 0],
  [SWITCH, true, true],
  [SWITCH, false, false],
  [CHOICE, "json", "json"],
  [TEXT, "x", "x"],
  [LIST, "x1, x2", ["x1", "x2"]],
  [LIST, ["x1", "x2"], ["x1", "x2"]],
  [LIST, [], []],
  [LIST, "", []],
  [EACH, ["a, b", "c"], ["a, b", "c"]],
];

for (const [flag, inFile, value] of RIGHT) {
  Deno.test(`readFileValue() reads ${JSON.stringify(inFile)} for ${flag.kind}`, () => {
    assertEquals<unknown>(readFileValue(flag, inFile), { value });
  });
}

const WRONG: readonly [flag: Flag, inFile: unknown, mustBe: string, shown: string][] = [
  [INTEGER, "many", "a whole number from 1 to 1000000000", '"many"'],
  [INTEGER, 1.5, "a whole number from 1 to 1000000000", "1.5"],
  [INTEGER, null, "a whole number from 1 to 1000000000", "null"],
  [INTEGER, [5], "a whole number from 1 to 1000000000", "[5]"],
  [SIZE, true, "a size such as 1000, 64KiB, or 16MiB", "true"],
  [RATE, 100, "a rate such as 100/s or 600/m, or 0", "100"],
  [DURATION, 10, "a duration such as 250ms, 2s, or 1m", "10"],
  [SWITCH, "true", "true or false", '"true"'],
  [SWITCH, 1, "true or false", "1"],
  [SWITCH, 0, "true or false", "0"],
  [SWITCH, null, "true or false", "null"],
  [CHOICE, ["json"], "one of text, json", '["json"]'],
  [TEXT, 5, "a string", "5"],
  [TEXT, { a: 1 }, "a string", '{"a":1}'],
  [TEXT, "y", "an x", '"y"'],
  [LIST, ["x", "y"], "an x", '"y"'],
  [LIST, ["x", 1], "a string or an array of strings", '["x",1]'],
  [LIST, null, "a string or an array of strings", "null"],
  [EACH, [["a"]], "a string or an array of strings", '[["a"]]'],
];

Deno.test("readFileValue() refuses an empty text", () => {
  assertEquals<unknown>(readFileValue(TEXT, ""), { lacks: "text" });
});

for (const [flag, inFile, mustBe, shown] of WRONG) {
  Deno.test(`readFileValue() refuses ${JSON.stringify(inFile)} for ${flag.kind}`, () => {
    assertEquals<unknown>(readFileValue(flag, inFile), { mustBe, shown });
  });
}
