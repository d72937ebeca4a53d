import { formatDurationMs } from "./duration.ts";
import {
  type ConfigOf,
  environmentName,
  type Flag,
  type FlagGroup,
  flagName,
  type FlagTable,
} from "./flag.ts";
import type { Source } from "./flags.ts";
import { formatRatePerSecond } from "./rate.ts";
import { formatSizeBytes } from "./size.ts";

/** The text of `--help` around the flags. */
export interface HelpFrame {
  /** One line about the program. */
  readonly summary: string;
  /** The command that runs the program. */
  readonly usage: string;
  /** Whether each flag also has an environment variable. */
  readonly hasEnvironment: boolean;
}

/** Returns what `--help` prints. */
export function helpText(table: FlagTable, frame: HelpFrame): string {
  const rows = describe(table);
  const width = Math.max(...rows.map(({ usage }) => usage.length));
  const lines = rows.map(({ usage, help, shownDefault }) =>
    `  ${usage.padEnd(width)}  ${help}${shownDefault && ` [${shownDefault}]`}`
  );
  const environment = frame.hasEnvironment
    ? "\n\nEach flag has an environment variable, such as CHORUS_LOG_LEVEL for --log-level. " +
      "A flag overrides its variable."
    : "";
  return `${frame.summary}\n\nUsage: ${frame.usage}\n\n${lines.join("\n")}${environment}`;
}

/** Returns the flags as a Markdown table for the manual, laid out as `deno fmt` does. */
export function flagTableMarkdown(table: FlagTable, hasEnvironment: boolean): string {
  const header = ["Flag", ...(hasEnvironment ? ["Environment"] : []), "Default", "What it does"];
  const rows = describe(table).map(({ name, usage, help, shownDefault, isCommand }) =>
    [
      `\`${usage}\``,
      ...(hasEnvironment ? [isCommand ? "" : `\`${environmentName(name)}\``] : []),
      shownDefault && `\`${shownDefault}\``,
      help,
    ].map((cell) => cell.replaceAll("|", "\\|"))
  );
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]!.length))
  );
  const line = (cells: readonly string[], fill = " ") =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!, fill)).join(" | ")} |`;
  return [line(header), line(header.map(() => ""), "-"), ...rows.map((row) => line(row))].join(
    "\n",
  );
}

/** Returns the flags as Markdown for a manual: a heading and a table for each group. */
export function flagGroupsMarkdown(groups: readonly FlagGroup[], hasEnvironment: boolean): string {
  return groups.map(({ title, flags }) =>
    `### ${title}\n\n${flagTableMarkdown(flags, hasEnvironment)}`
  ).join("\n\n");
}

function describe(table: FlagTable) {
  return Object.entries(table).map(([key, flag]) => {
    const name = flagName(key, flag);
    // For a switch that is on by default, only its negated form has an effect.
    const shown = flag.kind === "switch" && flag.default ? `--no-${name.slice(2)}` : name;
    const short = flag.short ? `-${flag.short}, ` : "";
    const usage = `${short}${shown}${placeholder(flag)}`;
    const isCommand = flag.kind === "command";
    return { name, usage, help: flag.help, shownDefault: defaultText(flag), isCommand };
  });
}

function placeholder(flag: Flag): string {
  switch (flag.kind) {
    case "switch":
    case "command":
      return "";
    case "choice":
      return ` ${flag.choices.join("|")}`;
    case "duration":
      return " DURATION";
    case "size":
      return " SIZE";
    case "rate":
      return " RATE";
    default:
      return ` ${flag.value}`;
  }
}

function defaultText(flag: Flag): string {
  switch (flag.kind) {
    case "switch":
    case "command":
      return "";
    case "list":
    case "each":
      return flag.default.join(",");
    case "text":
      return flag.default;
    default:
      return valueText(flag, flag.default);
  }
}

/** Returns what `--check-config` prints: each value and its source, in the order of the table. */
export function configText<T extends FlagTable>(
  table: T,
  config: ConfigOf<T>,
  sources: Readonly<Record<keyof T, Source>>,
): string {
  const rows = Object.entries(table)
    .filter(([, flag]) => flag.kind !== "command")
    .map(([key, flag]) => ({
      name: flagName(key, flag),
      value: valueText(flag, config[key as keyof T]),
      source: sources[key as keyof T],
    }));
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  const valueWidth = Math.max(...rows.map(({ value }) => value.length));
  return rows.map(({ name, value, source }) =>
    `${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${source}`
  ).join("\n");
}

function valueText(flag: Flag, value: unknown): string {
  switch (flag.kind) {
    case "duration":
      return formatDurationMs(value as number);
    case "size":
      return formatSizeBytes(value as number);
    case "rate":
      return formatRatePerSecond(value as number, flag.of);
    case "text":
      return JSON.stringify(value);
    default:
      return String(value);
  }
}
