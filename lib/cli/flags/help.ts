import {
  environmentName,
  type Flag,
  type FlagGroup,
  flagName,
  type FlagTable,
  type HelpTopic,
  isSetting,
  valuePlaceholder,
} from "./flag.ts";
import { formatValue } from "./flag_value.ts";

/** The text of `--help` around the flags. */
export interface HelpFrame {
  /** One line about the program. */
  readonly summary: string;
  /** The command that runs the program. */
  readonly usage: string;
  /** Whether the environment and a file can also set the flags. */
  readonly hasEnvironment: boolean;
}

/** The lines of help texts are at most this long, unless a word or a flag is longer. */
const MAX_COLUMNS = 100;

/** Returns what `--help` prints if the program has few flags: all of them. */
export function helpText(table: FlagTable, frame: HelpFrame): string {
  return frameText(frame, [flagList(table)]);
}

/**
 * Returns what `--help` prints if the program has many flags: the common ones and the names of the
 * groups, or all flags.
 */
export function groupedHelpText(
  groups: readonly FlagGroup[],
  frame: HelpFrame,
  topic: HelpTopic,
): string {
  if (topic === "all") {
    return frameText(frame, groups.map(({ title, flags }) => `${title}:\n${flagList(flags)}`));
  }
  const common = groups.flatMap(({ flags }) =>
    Object.entries(flags).filter(([, flag]) => flag.isCommon)
  );
  const list = columns(groups.map(({ title, hint }) => [title, hint]));
  return frameText(frame, [
    flagList(Object.fromEntries(common)),
    `More flags, which --help all lists:\n${list}`,
  ]);
}

function frameText(frame: HelpFrame, sections: readonly string[]): string {
  const environment = "A flag overrides its environment variable (CHORUS_PORT), which overrides " +
    "the file of --config.";
  return [
    frame.summary,
    `Usage: ${frame.usage}`,
    ...sections,
    ...frame.hasEnvironment ? [environment] : [],
  ].join("\n\n");
}

function flagList(table: FlagTable): string {
  return columns(
    describe(table).map(({ usage, help, shownDefault }) =>
      [usage, help + (shownDefault && ` [${shownDefault}]`)] as const
    ),
  );
}

/** Lays out two columns, and wraps the second one. */
function columns(rows: readonly (readonly [left: string, right: string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  const indent = " ".repeat(width + 4);
  return rows.map(([left, right]) => {
    const lines = wrap(right, MAX_COLUMNS - indent.length);
    return `  ${left.padEnd(width)}  ${lines.join(`\n${indent}`)}`;
  }).join("\n");
}

/** Breaks a text into lines of at most `width` characters, unless a word is longer. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Returns the flags as a Markdown table for the manual, laid out as `deno fmt` does. */
export function flagTableMarkdown(table: FlagTable, hasEnvironment: boolean): string {
  const header = ["Flag", ...(hasEnvironment ? ["Environment"] : []), "Default", "What it does"];
  const rows = describe(table).map(({ flag, name, usage, help, shownDefault }) =>
    [
      `\`${usage}\``,
      ...(hasEnvironment ? [isSetting(flag) ? `\`${environmentName(name)}\`` : ""] : []),
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
    const usage = `${short}${shown} ${valuePlaceholder(flag)}`.trimEnd();
    return { flag, name, usage, help: flag.help, shownDefault: defaultText(flag) };
  });
}

function defaultText(flag: Flag): string {
  switch (flag.kind) {
    case "switch":
    case "command":
    case "help":
      return "";
    case "list":
    case "each":
      return flag.default.join(",");
    case "text":
      return flag.default;
    default:
      return formatValue(flag, flag.default);
  }
}
