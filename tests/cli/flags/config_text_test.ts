import { assertEquals } from "@std/assert";
import { configText } from "../../../lib/cli/flags/config_text.ts";
import type { FlagTable } from "../../../lib/cli/flags/flag.ts";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";

const TABLE = {
  port: { kind: "integer", default: 8000, value: "PORT", min: 0, max: 9, help: "" },
  waitMs: { kind: "duration", default: 5000, min: 0, help: "" },
  logBytes: { kind: "size", default: 65_536, min: 1, max: 1024 ** 3, help: "" },
  sendRate: { kind: "rate", default: 100, of: "count", help: "" },
  origin: { kind: "list", default: [], value: "ORIGIN", help: "" },
  reconnect: { kind: "switch", default: true, help: "" },
  config: { kind: "text", default: "", value: "FILE", help: "" },
  version: { kind: "command", default: false, help: "" },
  help: { kind: "help", default: false, help: "" },
} as const satisfies FlagTable;

Deno.test("configText() shows every value and its source", () => {
  const parsed = parseFlags(TABLE, {
    args: ["--port=7", "--config=x.jsonc"],
    env: (name) => ({ CHORUS_WAIT: "90s" })[name],
    file: { path: "x.jsonc", values: new Map([["origin", ["a", "b"]]]) },
  });
  assertEquals(
    configText(TABLE, parsed),
    `--port       7          flag
--wait       90s        CHORUS_WAIT
--log-bytes  64KiB      default
--send-rate  100/s      default
--origin     ["a","b"]  x.jsonc
--reconnect  true       default
--config     "x.jsonc"  flag`,
  );
});
