import { parseArgs } from "node:util";
import {
  type ConfigFile,
  fileKey,
  fileKeyFaults,
  isFileSetting,
  readFileValue,
} from "./config_file.ts";
import {
  type ConfigOf,
  environmentName,
  type Flag,
  flagName,
  type FlagTable,
  isSetting,
  valuePlaceholder,
  withVariable,
} from "./flag.ts";
import { type FlagValue, type NoValue, readValue, type WrongValue } from "./flag_value.ts";
import { nearMiss } from "./near_miss.ts";

/** Where a value came from. */
export type Source = "default" | "flag" | "environment" | "file";

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
  readonly file?: ConfigFile;
}

/**
 * Reads a configuration from the command line, the environment, and a file. A flag overrides its
 * variable, a variable overrides the file, and the file overrides the default. A value that is
 * overridden is not checked. Never throws: `faults` lists all configuration errors together.
 *
 * A value follows its flag (`--port 80`) or an equals sign (`--port=80`). A value that begins with
 * a dash needs the equals sign. A switch takes `true`, `false`, or no value. `--no-NAME` turns it
 * off. `--help` takes `all`, or no value. All other flags need a value. A text must not be empty
 * unless its flag allows that, because it may come from a variable that is not set by mistake.
 */
export function parseFlags<T extends FlagTable>(table: T, input: FlagInput): ParsedFlags<T> {
  const { args, file } = input;
  const entries = Object.entries(table).map(([key, flag]) => ({
    key,
    flag,
    name: flagName(key, flag),
  }));
  const faults: string[] = [];
  const given = readArgs(entries, args, faults);
  if (file) faults.push(...fileKeyFaults(table, file));
  const config: Record<string, unknown> = {};
  const sources: Record<string, Source> = {};

  for (const entry of entries) {
    const { key, flag, name } = entry;
    const { source, read } = findValue(entry, given.get(name), input);
    sources[key] = source;
    config[key] = "value" in read ? read.value : flag.default;
    if ("mustBe" in read) faults.push(wrongValue(entry, source, read, input));
    if ("lacks" in read) faults.push(noValue(entry, source, read, input));
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

/** Reads the value that overrides all others. */
function findValue(
  { key, flag, name }: Entry,
  fromArgs: readonly GivenText[] | undefined,
  { env, file }: FlagInput,
): { readonly source: Source; readonly read: FlagValue } {
  if (fromArgs) {
    const texts = fromArgs.filter((text) => text !== undefined);
    const isBare = texts.length < fromArgs.length;
    return { source: "flag", read: isBare ? { lacks: "value" } : readValue(flag, texts) };
  }
  const fromEnv = isSetting(flag) ? env?.(environmentName(name)) : undefined;
  if (fromEnv !== undefined) return { source: "environment", read: readValue(flag, [fromEnv]) };
  const fromFile = isFileSetting(key, flag) ? file?.values.get(fileKey(name)) : undefined;
  if (fromFile !== undefined) return { source: "file", read: readFileValue(flag, fromFile) };
  return { source: "default", read: { value: flag.default } };
}

function wrongValue(
  { flag, name }: Entry,
  source: Source,
  { mustBe, shown }: WrongValue,
  { env, file }: FlagInput,
): string {
  if (source === "file") {
    return `Cannot start because ${fileKey(name)} in ${file!.path} must be ${mustBe}: ` +
      `it was ${shown}`;
  }
  const variable = environmentName(name);
  const both = env && isSetting(flag) ? withVariable(name) : name;
  const where = source === "flag" ? name : variable;
  return `Cannot start because ${both} must be ${mustBe}: ${where} was ${shown}`;
}

function noValue(
  { flag, name }: Entry,
  source: Source,
  { lacks }: NoValue,
  { file }: FlagInput,
): string {
  if (lacks === "value") {
    return `Cannot start because ${name} has no value: write ${name}=${valuePlaceholder(flag)}`;
  }
  const [empty, otherwise] = source === "file"
    ? [`${fileKey(name)} in ${file!.path}`, "leave it out"]
    : source === "environment"
    ? [environmentName(name), "leave it unset"]
    : [name, "leave it out"];
  return `Cannot start because ${empty} is empty: give it a value, or ${otherwise}`;
}

/** A text given for a flag; undefined if the flag has no value, as in `--data --echo`. */
type GivenText = string | undefined;

/** Returns the texts given for each flag, by name. Adds a fault for each unexpected argument. */
function readArgs(
  entries: readonly Entry[],
  args: readonly string[],
  faults: string[],
): Map<string, GivenText[]> {
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
  const given = new Map<string, GivenText[]>();
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
    const textIfBare = isSwitch ? "true" : entry?.flag.kind === "help" ? "common" : undefined;
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
      const fault = unknownFlag(arg, entries);
      if (!faults.includes(fault)) faults.push(fault); // -xyz is three tokens
    } else if (isSwitch) given.set(name, [text ?? textIfBare]);
    else given.set(name, [...given.get(name) ?? [], text ?? textIfBare]);
  }
  return given;
}

function unknownFlag(arg: string, entries: readonly Entry[]): string {
  const name = arg.split("=")[0]!;
  const meant = nearMiss(name, entries.map(({ name }) => name));
  const help = entries.some(({ flag }) => flag.kind === "help") ? "--help all" : "--help";
  return `Cannot start because there is no flag ${name}` +
    (meant ? ` (did you mean ${meant}?)` : ` (${help} lists them all)`);
}
