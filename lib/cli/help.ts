import { formatDurationMs } from "./duration.ts";
import {
  type ConfigOf,
  environmentName,
  type Flag,
  flagName,
  type FlagTable,
  type Source,
} from "./flags.ts";

/** What stands around the flags in `--help`. */
export interface HelpFrame {
  /** What the program is, in a line. */
  readonly summary: string;
  /** How to call it. */
  readonly usage: string;
  /** Whether each flag has an environment variable too. */
  readonly hasEnvironment: boolean;
}

/** The text of `--help`. */
export function helpText(table: FlagTable, frame: HelpFrame): string {
  const rows = describe(table);
  const width = Math.max(...rows.map(({ usage }) => usage.length));
  const lines = rows.map(({ usage, help, shownDefault }) =>
    `  ${usage.padEnd(width)}  ${help}${shownDefault && ` [${shownDefault}]`}`
  );
  const environment = frame.hasEnvironment
    ? "\n\nEach setting has an environment variable, which the flag beats: CHORUS_LOG_LEVEL for --log-level."
    : "";
  return `${frame.summary}\n\nUsage: ${frame.usage}\n\n${lines.join("\n")}${environment}`;
}

/** The flags as the README shows them: a Markdown table, as `deno fmt` would lay it out. */
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

function describe(table: FlagTable) {
  return Object.entries(table).map(([key, flag]) => {
    const name = flagName(key, flag);
    // A switch that is on by default is shown in the form that has an effect.
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
    default:
      return ` ${flag.value}`;
  }
}

function defaultText(flag: Flag): string {
  switch (flag.kind) {
    case "switch":
    case "command":
      return "";
    case "duration":
      return formatDurationMs(flag.default);
    case "list":
    case "each":
      return flag.default.join(",");
    default:
      return String(flag.default);
  }
}

/** What `--check-config` prints: every value in force and where it came from, in the table's order. */
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
  if (flag.kind === "duration") return formatDurationMs(value as number);
  return flag.kind === "text" ? JSON.stringify(value) : String(value);
}
