import { flagName } from "../../cli/flags/flag.ts";
import type { Source } from "../../cli/flags/flags.ts";
import { formatValue } from "../../cli/flags/flag_value.ts";
import { CLIENT_FLAGS, type ClientConfig } from "../config.ts";

type ClientFlag = keyof ClientConfig;

/** What a run was asked to do. */
export interface Asked {
  /** All flags, without the secrets that they contain. */
  readonly config: ClientConfig;
  /** The flags that were given. All others had their defaults. */
  readonly given: readonly string[];
}

/** What stands in a report for a secret. */
const HIDDEN = "(hidden)";

/** Returns what the flags ask for. It hides tokens and the values of headers. */
export function askedOf(
  config: ClientConfig,
  sources: Readonly<Record<ClientFlag, Source>>,
): Asked {
  return {
    config: {
      ...config,
      token: config.token === "" ? "" : HIDDEN,
      header: config.header.map((each) => `${each.split(":")[0]}: ${HIDDEN}`),
    },
    given: Object.keys(sources).filter((key) => sources[key as ClientFlag] !== "default"),
  };
}

/** The command line of a run. */
export function commandOf({ config, given }: Asked): string {
  const flags = given.filter(isFlag).flatMap((key) => {
    const [flag, value] = [CLIENT_FLAGS[key], config[key]];
    const name = flagName(key, flag);
    if (value === true) return [name];
    if (value === false) return [name.replace("--", "--no-")];
    const values = Array.isArray(value) && flag.kind === "each" ? value : [textOf(key, value)];
    return values.map((each) => `${name} ${quoted(each)}`);
  });
  return ["deno task client", ...flags].join(" ");
}

/** Flags that do not change what a run measures. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set<ClientFlag>([
  ...["expect", "strict", "seed", "report", "hdr", "save", "baseline"] as const,
  ...["quiet", "json", "help", "version", "token", "header", "cacert", "insecure"] as const,
  "serverMetrics",
]);

/**
 * Returns in what two runs were asked for something else, so that their figures may differ.
 *
 * @returns Texts such as `--rate 500 instead of 400`.
 */
export function askedDifferences(one: ClientConfig, other: ClientConfig): readonly string[] {
  return Object.keys(CLIENT_FLAGS).filter(isFlag).flatMap((key) => {
    const [value, before] = [one, other].map((config) => textOf(key, config[key]));
    if (WITHOUT_EFFECT.has(key) || value === before) return [];
    return [
      `${flagName(key, CLIENT_FLAGS[key])} ${value || "none"} instead of ${before || "none"}`,
    ];
  });
}

/** Whether a flag changes what a run measures. */
export function isMeasuredBy(key: string): boolean {
  return isFlag(key) && !WITHOUT_EFFECT.has(key);
}

/** The value of a flag, as the user writes it. */
export function askedText(config: ClientConfig, key: string): string {
  return isFlag(key) ? textOf(key, config[key]) : "";
}

function isFlag(key: string): key is ClientFlag {
  return Object.hasOwn(CLIENT_FLAGS, key);
}

function textOf(key: ClientFlag, value: ClientConfig[ClientFlag]): string {
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "string" ? value : formatValue(CLIENT_FLAGS[key], value);
}

/** Quotes a text for a shell, if it needs that. */
function quoted(text: string): string {
  return /^[\w./:=%,@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
