import { parseArgs } from "@std/cli/parse-args";
import { parseDurationMs } from "./duration.ts";
import { nearMiss } from "./near_miss.ts";

interface FlagBase {
  /** One line for `--help` and the README. */
  readonly help: string;
  /** A one-letter alias, without its dash. */
  readonly short?: string;
}

/** One command line flag: its kind decides how its text is read and what type its value has. */
export type Flag = FlagBase & FlagKind;

type FlagKind =
  | { readonly kind: "switch"; readonly default: boolean }
  /** A switch that makes the program do something else, such as `--help`. It is no configuration: it has no variable. */
  | { readonly kind: "command"; readonly default: false }
  | {
    readonly kind: "text";
    readonly default: string;
    readonly value: string;
    /** What the text must be, if it is not that. */
    readonly check?: (text: string) => string | undefined;
  }
  | {
    readonly kind: "integer";
    readonly default: number;
    readonly value: string;
    readonly min: number;
    readonly max: number;
  }
  | {
    readonly kind: "duration";
    /** In milliseconds, as the parsed value is. */
    readonly default: number;
    readonly min: number;
  }
  | { readonly kind: "choice"; readonly default: string; readonly choices: readonly string[] }
  | {
    /** `list`: elements with commas between them, or the flag several times; `each`: the flag once for each element. */
    readonly kind: "list" | "each";
    readonly default: readonly string[];
    readonly value: string;
    /** What each element must be, if it is not that. */
    readonly check?: (text: string) => string | undefined;
  };

/**
 * The flags of a program by the names their values have in its configuration. `drainTimeoutMs` of kind `duration` is
 * `--drain-timeout` on the command line and `CHORUS_DRAIN_TIMEOUT` in the environment.
 */
export type FlagTable = Readonly<Record<string, Flag>>;

/** The configuration that a flag table describes: every value resolved, nothing optional. */
export type ConfigOf<T extends FlagTable> = { readonly [Key in keyof T]: ValueOf<T[Key]> };

type ValueOf<F extends Flag> = F extends { kind: "switch" | "command" } ? boolean
  : F extends { kind: "integer" | "duration" } ? number
  : F extends { kind: "choice"; choices: readonly (infer Choice)[] } ? Choice
  : F extends { kind: "list" | "each" } ? readonly string[]
  : string;

/** Where a value came from. */
export type Source = "default" | "flag" | "environment";

/** What {@linkcode parseFlags} found. Use `config` only if there are no `faults`. */
export interface ParsedFlags<T extends FlagTable> {
  readonly config: ConfigOf<T>;
  readonly sources: Readonly<Record<keyof T, Source>>;
  /** One sentence for each thing that is wrong, all of them at once. */
  readonly faults: readonly string[];
}

/** What {@linkcode parseFlags} reads. */
export interface FlagInput {
  readonly args: readonly string[];
  /** Looks an environment variable up. A program without it takes nothing from its environment. */
  readonly env?: (name: string) => string | undefined;
}

/** The flag of a configuration key on the command line, with its dashes: `--drain-timeout`. */
export function flagName(key: string, flag: Flag): string {
  const stem = flag.kind === "duration" ? key.replace(/Ms$/, "") : key;
  return "--" + stem.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
}

/** The environment variable that stands for a flag: `CHORUS_DRAIN_TIMEOUT` for `--drain-timeout`. */
export function environmentName(name: string): string {
  return "CHORUS_" + name.slice(2).replaceAll("-", "_").toUpperCase();
}

/**
 * Reads a configuration from command line and environment; a flag beats its variable, a variable beats the default. It
 * never throws: everything that is wrong is told in `faults`.
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
      faults.push(`Cannot start as ${both} must be ${read.mustBe}: ${where} was "${read.text}"`);
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

/** The texts given for each flag name. What names no flag becomes a fault. */
function readArgs(
  entries: readonly Entry[],
  args: readonly string[],
  faults: string[],
): Map<string, string[]> {
  const bare = (some: readonly Entry[]) => some.map(({ name }) => name.slice(2));
  const isBare = ({ flag }: Entry) => flag.kind === "switch" || flag.kind === "command";
  const switches = entries.filter(isBare);
  const valued = entries.filter((entry) => !isBare(entry));
  const shorts = entries.flatMap(({ flag, name }) => flag.short ? [[name, flag.short]] : []);
  const names = entries.map(({ name }) => name);
  const parsed = parseArgs(joinEmptyValues(args), {
    boolean: bare(switches),
    negatable: bare(switches.filter(({ flag }) => flag.kind === "switch")),
    string: bare(valued),
    collect: bare(valued),
    alias: Object.fromEntries(shorts.map(([name, short]) => [name!.slice(2), short!])),
    unknown: (arg, key) => {
      faults.push(
        key === undefined
          ? `Cannot start as no argument is expected: it was "${arg}"`
          : unknownFlag(arg, names),
      );
      return false;
    },
  });
  for (const rest of parsed._) {
    faults.push(`Cannot start as no argument is expected: it was "${rest}"`);
  }

  const given = new Map<string, string[]>();
  for (const { flag, name } of entries) {
    const value = parsed[name.slice(2)];
    if (flag.kind === "switch" || flag.kind === "command") {
      const text = switchText(flag, name, args);
      if (text !== undefined) given.set(name, [text === "" ? String(value) : text]);
    } else if (Array.isArray(value) && value.length > 0) {
      given.set(name, value.map(String));
    }
  }
  return given;
}

/** `--x ""` as `--x=`, as `parseArgs` takes the empty argument for one that belongs to no flag. */
function joinEmptyValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    if (arg === "" && /^--[^=]+$/.test(joined.at(-1) ?? "")) joined.push(`${joined.pop()}=`);
    else joined.push(arg);
  }
  return joined;
}

/**
 * What a switch was given: undefined if it was not, "" if it stands alone or is followed by a word. `parseArgs` tells
 * neither: it makes an absent switch `false` and `--binary=maybe` `true`.
 */
function switchText(flag: Flag, name: string, args: readonly string[]): string | undefined {
  const forms = [name, `--no-${name.slice(2)}`, ...(flag.short ? [`-${flag.short}`] : [])];
  const end = args.indexOf("--");
  for (const arg of args.slice(0, end < 0 ? args.length : end).reverse()) {
    if (forms.includes(arg)) return "";
    const form = forms.find((each) => arg.startsWith(`${each}=`));
    if (form === name) return arg.slice(name.length + 1) || "(nothing)";
    if (form) return arg;
  }
  return undefined;
}

function unknownFlag(arg: string, names: readonly string[]): string {
  const name = arg.split("=")[0]!;
  const meant = nearMiss(name, names);
  return `Cannot start as there is no such flag: ${name}` +
    (meant ? ` (did you mean ${meant}?)` : " (--help lists them all)");
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
      if (value === undefined) return wrong("a duration such as 250ms, 2s or 1m");
      return value >= flag.min ? { value } : wrong(`at least ${flag.min}ms`);
    }
    case "choice":
      return flag.choices.includes(text)
        ? { value: text }
        : wrong(`one of ${flag.choices.join(", ")}`);
    case "list":
    case "each": {
      const elements = texts.flatMap((each) => flag.kind === "list" ? each.split(",") : [each])
        .map((each) => each.trim());
      for (const element of elements) {
        const mustBe = flag.check?.(element);
        if (mustBe !== undefined) return wrong(mustBe, element);
      }
      return { value: elements };
    }
  }
}
