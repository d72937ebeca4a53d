import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { parseArgs } from "node:util";
import { parseDurationMs } from "./duration.ts";

interface FlagBase {
  /** One line for `--help` and the manual. */
  readonly help: string;
  /** A one-letter alias, without its dash. */
  readonly short?: string;
}

/** A command line flag. Its kind decides how its text is read and what type its value has. */
export type Flag = FlagBase & FlagKind;

/** Returns what a text must be (`"an origin"`), or undefined if it is right. */
type Check = (text: string) => string | undefined;

type FlagKind =
  | { readonly kind: "switch"; readonly default: boolean }
  /** Makes the program do something else, such as `--help`. It has no environment variable. */
  | { readonly kind: "command"; readonly default: false }
  | {
    readonly kind: "text";
    readonly default: string;
    /** The placeholder of the value in `--help`. */
    readonly value: string;
    readonly check?: Check;
  }
  | {
    readonly kind: "integer";
    readonly default: number;
    readonly value: string;
    readonly min: number;
    readonly max: number;
  }
  /** The default, the minimum, and the parsed value are in milliseconds. */
  | { readonly kind: "duration"; readonly default: number; readonly min?: number }
  | { readonly kind: "choice"; readonly default: string; readonly choices: readonly string[] }
  | {
    /** Both may be repeated. A `list` is also split at commas; `each` is one element per flag. */
    readonly kind: "list" | "each";
    readonly default: readonly string[];
    readonly value: string;
    /** Checks one element. */
    readonly check?: Check;
  };

/**
 * The flags of a program, by the names of their values in its configuration. `drainTimeoutMs` of
 * kind `duration` is `--drain-timeout` on the command line and `CHORUS_DRAIN_TIMEOUT` in the
 * environment.
 */
export type FlagTable = Readonly<Record<string, Flag>>;

/** The configuration that a flag table describes. Every value is resolved; nothing is optional. */
export type ConfigOf<T extends FlagTable> = { readonly [Key in keyof T]: ValueOf<T[Key]> };

type ValueOf<F extends Flag> = F extends { kind: "switch" | "command" } ? boolean
  : F extends { kind: "integer" | "duration" } ? number
  : F extends { kind: "choice"; choices: readonly (infer Choice)[] } ? Choice
  : F extends { kind: "list" | "each" } ? readonly string[]
  : string;

/** Where a value came from. */
export type Source = "default" | "flag" | "environment";

/** The result of {@linkcode parseFlags}. Use `config` only if `faults` is empty. */
export interface ParsedFlags<T extends FlagTable> {
  readonly config: ConfigOf<T>;
  readonly sources: Readonly<Record<keyof T, Source>>;
  /** One sentence for each configuration error. */
  readonly faults: readonly string[];
}

/** The flags that every program has. */
export const COMMON_FLAGS = {
  help: { kind: "command", default: false, short: "h", help: "Print this help and exit" },
  version: { kind: "command", default: false, help: "Print the version and exit" },
} as const satisfies FlagTable;

/** The input of {@linkcode parseFlags}. */
export interface FlagInput {
  readonly args: readonly string[];
  /** Looks up an environment variable. Leave it out to ignore the environment. */
  readonly env?: (name: string) => string | undefined;
}

/** Returns the flag of a configuration key, with its dashes: `--drain-timeout`. */
export function flagName(key: string, flag: Flag): string {
  const stem = flag.kind === "duration" ? key.replace(/Ms$/, "") : key;
  return "--" + stem.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
}

/** Returns the environment variable of a flag: `CHORUS_DRAIN_TIMEOUT` for `--drain-timeout`. */
export function environmentName(name: string): string {
  return "CHORUS_" + name.slice(2).replaceAll("-", "_").toUpperCase();
}

/**
 * Reads a configuration from the command line and the environment. A flag overrides its variable; a
 * variable overrides the default. Never throws: `faults` lists all configuration errors together.
 *
 * A value follows its flag (`--port 80`) or an equals sign (`--port=80`). A value that begins with
 * a dash needs the equals sign. A switch takes `true`, `false`, or no value. `--no-NAME` turns it
 * off.
 */
export function parseFlags<T extends FlagTable>(table: T, input: FlagInput): ParsedFlags<T> {
  const { args, env } = input;
  const entries = Object.entries(table).map(([key, flag]) => ({
    key,
    flag,
    name: flagName(key, flag),
  }));
  const faults: string[] = [];
  const given = readArgs(entries, args, faults);
  const config: Record<string, unknown> = {};
  const sources: Record<string, Source> = {};

  for (const { key, flag, name } of entries) {
    const variable = environmentName(name);
    const fromFlag = given.get(name);
    const hasVariable = env !== undefined && flag.kind !== "command";
    const fromEnv = fromFlag === undefined && hasVariable ? env(variable) : undefined;
    const texts = fromFlag ?? (fromEnv === undefined ? undefined : [fromEnv]);
    sources[key] = fromFlag ? "flag" : texts ? "environment" : "default";
    config[key] = flag.default;
    if (texts === undefined) continue;
    const read = readValue(flag, texts);
    if ("value" in read) {
      config[key] = read.value;
    } else {
      const both = hasVariable ? `${name} (${variable})` : name;
      const where = fromFlag ? name : variable;
      faults.push(
        `Cannot start because ${both} must be ${read.mustBe}: ${where} was "${read.text}"`,
      );
    }
  }
  return {
    config: config as ConfigOf<T>,
    sources: sources as Record<keyof T, Source>,
    faults,
  };
}

interface Entry {
  readonly key: string;
  readonly flag: Flag;
  readonly name: string;
}

/** Returns the texts given for each flag, by name. Adds a fault for each unexpected argument. */
function readArgs(
  entries: readonly Entry[],
  args: readonly string[],
  faults: string[],
): Map<string, string[]> {
  // parseArgs does not know `-H=value`.
  const longArgs = args.map((arg) =>
    arg.replace(
      /^-([^-])(?==)/,
      (short, letter) => entries.find(({ flag }) => flag.short === letter)?.name ?? short,
    )
  );
  // Declared as booleans, flags do not consume the next argument. The loop below decides that.
  const options = Object.fromEntries(
    entries.map(({ name, flag: { short } }) =>
      [name.slice(2), { type: "boolean", ...(short && { short }) }] as const
    ),
  );
  const negates = (name: string) =>
    entries.find((each) => each.flag.kind === "switch" && name === `--no-${each.name.slice(2)}`);
  const { tokens } = parseArgs({ args: longArgs, options, strict: false, tokens: true });
  const isKnown = (name: string) => entries.some((each) => each.name === name) || negates(name);
  // All of -host is unknown: its -h must not ask for help.
  const unknown = new Set(
    tokens.flatMap((each) =>
      each.kind === "option" && !isKnown(`--${each.name}`) ? [each.index] : []
    ),
  );
  const given = new Map<string, string[]>();
  for (let token = tokens.shift(); token; token = tokens.shift()) {
    const arg = args[token.index]!;
    if (token.kind === "positional") {
      faults.push(`Cannot start because the program takes no arguments: it was given "${arg}"`);
    }
    if (token.kind !== "option") continue;

    const name = `--${token.name}`;
    const negated = negates(name);
    if (negated) {
      given.set(negated.name, [token.value === undefined ? "false" : arg]);
      continue;
    }
    const entry = unknown.has(token.index) ? undefined : entries.find((each) => each.name === name);
    const isSwitch = entry?.flag.kind === "switch" || entry?.flag.kind === "command";
    const next = tokens[0]?.kind === "positional" ? tokens[0].value : undefined;
    let text = token.value;
    if (
      text === undefined && next !== undefined &&
      (isSwitch ? /^(true|false)$/.test(next) : next !== "-")
    ) {
      text = next;
      tokens.shift();
    }
    if (!entry) {
      const fault = unknownFlag(arg, entries.map(({ name }) => name));
      if (!faults.includes(fault)) faults.push(fault); // -xyz is three tokens
    } else if (isSwitch) given.set(name, [text ?? "true"]);
    else given.set(name, [...given.get(name) ?? [], text ?? ""]);
  }
  return given;
}

function unknownFlag(arg: string, names: readonly string[]): string {
  const name = arg.split("=")[0]!;
  const meant = nearMiss(name, names);
  return `Cannot start because there is no flag ${name}` +
    (meant ? ` (did you mean ${meant}?)` : " (--help lists them all)");
}

/**
 * Returns the flag that a mistyped one probably means: one that starts with it, or one that differs
 * in at most a third of its characters.
 */
function nearMiss(name: string, candidates: readonly string[]): string | undefined {
  const letterCount = name.replace(/^-+/, "").length;
  const beginsWith = letterCount > 1 ? candidates.find((each) => each.startsWith(name)) : undefined;
  if (beginsWith) return beginsWith;
  const nearest = closestString(name, candidates);
  return levenshteinDistance(name, nearest) <= Math.ceil(letterCount / 3) ? nearest : undefined;
}

type Read = { readonly value: unknown } | { readonly mustBe: string; readonly text: string };

function readValue(flag: Flag, texts: readonly string[]): Read {
  const text = texts.at(-1)!;
  const wrong = (mustBe: string, wrongText = text): Read => ({ mustBe, text: wrongText });
  switch (flag.kind) {
    case "switch":
    case "command":
      if (/^(true|1)$/.test(text)) return { value: true };
      return /^(false|0)$/.test(text) ? { value: false } : wrong("true or false");
    case "text": {
      const mustBe = flag.check?.(text);
      return mustBe === undefined ? { value: text } : wrong(mustBe);
    }
    case "integer": {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
      return value >= flag.min && value <= flag.max
        ? { value }
        : wrong(`a whole number from ${flag.min} to ${flag.max}`);
    }
    case "duration": {
      const value = parseDurationMs(text);
      if (value === undefined) return wrong("a duration such as 250ms, 2s, or 1m");
      const { min = 0 } = flag;
      return value >= min ? { value } : wrong(`at least ${min}ms`);
    }
    case "choice":
      return flag.choices.includes(text)
        ? { value: text }
        : wrong(`one of ${flag.choices.join(", ")}`);
    case "list":
    case "each": {
      const elements = texts.flatMap((each) => flag.kind === "list" ? each.split(",") : [each])
        .map((each) => each.trim());
      const wrongOnes = elements.filter((each) => flag.check?.(each) !== undefined);
      return wrongOnes.length === 0
        ? { value: elements }
        : wrong(flag.check!(wrongOnes[0]!)!, wrongOnes.join(", "));
    }
  }
}
