import { parse } from "@std/jsonc";
import { errorMessage } from "../error_message.ts";
import { readFailure } from "../read_failure.ts";
import { type Flag, flagName, type FlagTable, isSetting } from "./flag.ts";
import { type FlagValue, readValue } from "./flag_value.ts";
import { nearMiss } from "./near_miss.ts";

/** The content of a configuration file. */
export interface ConfigFile {
  /** The path as the user wrote it. */
  readonly path: string;
  /** The values by key. The key of `--drain-timeout` is `drain-timeout`. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** A configuration file cannot be read. The message says why, in one line, and does not name it. */
export class ConfigFileError extends Error {
  override readonly name = "ConfigFileError";
}

/**
 * Reads a configuration file: one object in JSONC, which is JSON with comments and trailing commas.
 * If a key occurs twice, the last one counts. The keys and values are not checked.
 *
 * @param readText Returns the text of a file, or throws.
 * @throws {ConfigFileError} If the file cannot be read, or is not an object in JSONC.
 */
export function readConfigFile(path: string, readText: (path: string) => string): ConfigFile {
  let text: string;
  try {
    text = readText(path).replace(/^\uFEFF/, "");
  } catch (cause) {
    throw new ConfigFileError(readFailure(cause), { cause });
  }
  let content: unknown;
  try {
    content = parse(text);
  } catch (cause) {
    throw new ConfigFileError(syntaxFault(text, errorMessage(cause)), { cause });
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ConfigFileError('it must contain an object, such as { "port": 8000 }');
  }
  return { path, values: new Map(Object.entries(content)) };
}

/**
 * Describes a syntax error, given the message of the parser. Quotes nothing of the file: it may be
 * another one than the user meant, such as one with a secret.
 */
function syntaxFault(text: string, message: string): string {
  const [, position] = message.match(/at position (\d+)$/) ?? [];
  if (position === undefined) return "it ends too early: check its braces, brackets, and comments";
  const before = text.slice(0, Number(position)).split(/\r\n|\n|\r/);
  return `it is not valid JSONC at line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** Returns the key of a flag in a configuration file: `drain-timeout`. */
export function fileKey(name: string): string {
  return name.slice(2);
}

/** Whether a file may set a flag. It may not set `--config`, which names the file itself. */
export function isFileSetting(key: string, flag: Flag): boolean {
  return isSetting(flag) && key !== "config";
}

/** Reports the keys of a file that it must not have, one sentence for each. */
export function fileKeyFaults(table: FlagTable, { path, values }: ConfigFile): string[] {
  const flags = Object.entries(table).map(([key, flag]) => ({
    key: fileKey(flagName(key, flag)),
    isAllowed: isFileSetting(key, flag),
  }));
  const allowed = flags.flatMap(({ key, isAllowed }) => isAllowed ? [key] : []);
  return [...values.keys()].filter((key) => !allowed.includes(key)).map((key) => {
    const quoted = JSON.stringify(key);
    if (flags.some((each) => each.key === key)) {
      return `Cannot start because ${path} must not have the key ${quoted}: use --${key}`;
    }
    const meant = nearMiss(key, allowed);
    return `Cannot start because ${path} has an unknown key ${quoted}` +
      (meant ? ` (did you mean "${meant}"?)` : " (--help all lists them all)");
  });
}

/**
 * Reads a value of a configuration file. A switch is a boolean. Otherwise a string is read as the
 * text of a flag, and a number as if it were a string.
 */
export function readFileValue(flag: Flag, value: unknown): FlagValue {
  const json = typeof value === "object" ? JSON.stringify(value) : String(value);
  const wrong = (mustBe: string): FlagValue => ({ mustBe, shown: json });
  switch (flag.kind) {
    case "switch":
      return typeof value === "boolean"
        ? { value }
        : { mustBe: "true or false", shown: JSON.stringify(value) };
    case "text":
      return typeof value === "string" ? readValue(flag, [value]) : wrong("a string");
    case "list":
    case "each": {
      const elements: readonly unknown[] = Array.isArray(value) ? value : [value];
      const texts = elements.filter((each) => typeof each === "string");
      if (texts.length < elements.length) return wrong("a string or an array of strings");
      return readValue(flag, texts);
    }
    default: {
      const read = readValue(flag, [json]);
      return "mustBe" in read && typeof value !== "string" ? wrong(read.mustBe) : read;
    }
  }
}
