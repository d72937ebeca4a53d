import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { parseArgs } from "node:util";
import { type ConfigOf, environmentName, type Flag, flagName, type FlagTable } from "./flag.ts";
import { readValue } from "./flag_value.ts";

/** Where a value came from. */
export type Source = "default" | "flag" | "environment";

/** The result of {@linkcode parseFlags}. Use `config` only if `faults` is empty. */
export interface ParsedFlags<T extends FlagTable> {
  readonly config: ConfigOf<T>;
  readonly sources: Readonly<Record<keyof T, Source>>;
  /** One sentence for each configuration error. */
  readonly faults: readonly string[];
}

/** The input of {@linkcode parseFlags}. */
export interface FlagInput {
  readonly args: readonly string[];
  /** Looks up an environment variable. Leave it out to ignore the environment. */
  readonly env?: (name: string) => string | undefined;
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
