import { assertEquals } from "@std/assert";
import type { FlagTable } from "../../../lib/cli/flags/flag.ts";
import { configText, flagTableMarkdown, helpText } from "../../../lib/cli/flags/help.ts";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";

const TABLE = {
  port: { kind: "integer", default: 8000, value: "PORT", min: 0, max: 9, help: "Port" },
  waitMs: { kind: "duration", default: 5000, min: 0, help: "Wait" },
  logBytes: { kind: "size", default: 65_536, min: 1, max: 1024 ** 3, help: "Log" },
  sendRate: { kind: "rate", default: 100, of: "count", help: "Send" },
  reconnect: { kind: "switch", default: true, help: "Stay away" },
  help: { kind: "command", default: false, short: "h", help: "Print this" },
} as const satisfies FlagTable;

Deno.test("helpText() lists every flag with its default", () => {
  const frame = { summary: "Does it.", usage: "it [flags]", hasEnvironment: false };
  assertEquals(
    helpText(TABLE, frame),
    `Does it.

Usage: it [flags]

  --port PORT       Port [8000]
  --wait DURATION   Wait [5s]
  --log-bytes SIZE  Log [64KiB]
  --send-rate RATE  Send [100/s]
  --no-reconnect    Stay away
  -h, --help        Print this`,
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
| \`-h, --help\`       |                    |         | Print this   |`,
  );
});

Deno.test("configText() shows every value and its source", () => {
  const { config, sources } = parseFlags(TABLE, {
    args: ["--port=7"],
    env: (name) => ({ CHORUS_WAIT: "90s" })[name],
  });
  assertEquals(
    configText(TABLE, config, sources),
    `--port       7      flag
--wait       90s    environment
--log-bytes  64KiB  default
--send-rate  100/s  default
--reconnect  true   default`,
  );
});
