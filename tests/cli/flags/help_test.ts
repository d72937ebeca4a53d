import { assertEquals } from "@std/assert";
import type { FlagGroup, FlagTable } from "../../../lib/cli/flags/flag.ts";
import {
  flagGroupsMarkdown,
  flagTableMarkdown,
  groupedHelpText,
  helpText,
} from "../../../lib/cli/flags/help.ts";

const TABLE = {
  port: {
    kind: "integer",
    default: 8000,
    value: "PORT",
    min: 0,
    max: 9,
    isCommon: true,
    help: "Port",
  },
  waitMs: { kind: "duration", default: 5000, min: 0, help: "Wait" },
  logBytes: { kind: "size", default: 65_536, min: 1, max: 1024 ** 3, help: "Log" },
  sendRate: { kind: "rate", default: 100, of: "count", help: "Send" },
  reconnect: { kind: "switch", default: true, help: "Stay away" },
  help: { kind: "help", default: false, short: "h", isCommon: true, help: "Print this" },
} as const satisfies FlagTable;

const ECHO_FLAGS = {
  echo: { kind: "switch", default: false, help: "Echo" },
} as const satisfies FlagTable;

const GROUPS: readonly FlagGroup[] = [
  { title: "Main", hint: "most of it", flags: TABLE },
  { title: "Echoes", hint: "the rest", flags: ECHO_FLAGS },
];

const FRAME = { summary: "Does it.", usage: "it [flags]", hasEnvironment: false };

Deno.test("helpText() lists every flag with its default", () => {
  assertEquals(
    helpText(TABLE, FRAME),
    `Does it.

Usage: it [flags]

  --port PORT       Port [8000]
  --wait DURATION   Wait [5s]
  --log-bytes SIZE  Log [64KiB]
  --send-rate RATE  Send [100/s]
  --no-reconnect    Stay away
  -h, --help [all]  Print this`,
  );
});

Deno.test("flagTableMarkdown() lists every flag with its variable", () => {
  assertEquals(
    flagTableMarkdown(TABLE, true),
    `| Flag               | Environment        | Default | What it does |
| ------------------ | ------------------ | ------- | ------------ |
| \`--port PORT\`      | \`CHORUS_PORT\`      | \`8000\`  | Port         |
| \`--wait DURATION\`  | \`CHORUS_WAIT\`      | \`5s\`    | Wait         |
| \`--log-bytes SIZE\` | \`CHORUS_LOG_BYTES\` | \`64KiB\` | Log          |
| \`--send-rate RATE\` | \`CHORUS_SEND_RATE\` | \`100/s\` | Send         |
| \`--no-reconnect\`   | \`CHORUS_RECONNECT\` |         | Stay away    |
| \`-h, --help [all]\` |                    |         | Print this   |`,
  );
});

Deno.test("helpText() wraps the descriptions at 100 columns", () => {
  const word = (length: number) => "x".repeat(length);
  const help = [word(44), word(45), word(44), word(46), "end"].join(" ");
  const text = helpText({ echo: { kind: "switch", default: false, help } }, FRAME);
  assertEquals(text.split("\n").slice(-3), [
    `  --echo  ${word(44)} ${word(45)}`,
    `          ${word(44)}`,
    `          ${word(46)} end`,
  ]);
});

Deno.test("groupedHelpText() lists the common flags and the groups", () => {
  assertEquals(
    groupedHelpText(GROUPS, { ...FRAME, hasEnvironment: true }, "common"),
    `Does it.

Usage: it [flags]

  --port PORT       Port [8000]
  -h, --help [all]  Print this

More flags, which --help all lists:
  Main    most of it
  Echoes  the rest

A flag overrides its environment variable (CHORUS_PORT), which overrides the file of --config.`,
  );
});

Deno.test("groupedHelpText() lists all flags in their groups", () => {
  assertEquals(
    groupedHelpText(GROUPS, FRAME, "all"),
    `Does it.

Usage: it [flags]

Main:
  --port PORT       Port [8000]
  --wait DURATION   Wait [5s]
  --log-bytes SIZE  Log [64KiB]
  --send-rate RATE  Send [100/s]
  --no-reconnect    Stay away
  -h, --help [all]  Print this

Echoes:
  --echo  Echo`,
  );
});

Deno.test("flagGroupsMarkdown() has a heading and a table for each group", () => {
  assertEquals(
    flagGroupsMarkdown(GROUPS, false),
    `### Main\n\n${flagTableMarkdown(TABLE, false)}\n\n` +
      `### Echoes\n\n${flagTableMarkdown(ECHO_FLAGS, false)}`,
  );
});
