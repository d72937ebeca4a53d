import denoJson from "../../deno.json" with { type: "json" };
import { assertEquals, assertStringIncludes } from "@std/assert";
import { configText } from "../../lib/cli/flags/config_text.ts";
import { parseConfiguration } from "../../lib/cli/flags/configuration.ts";
import { flagGroupsMarkdown } from "../../lib/cli/flags/help.ts";
import { configFaults, SERVER_FLAG_GROUPS, SERVER_FLAGS } from "../../lib/server/config.ts";

const MANUAL = await Deno.readTextFile(new URL("../../lib/server/README.md", import.meta.url));
const DEPLOY = await Deno.readTextFile(new URL("../../lib/server/DEPLOY.md", import.meta.url));

Deno.test("the server's manual has the tables of its flags", () => {
  assertStringIncludes(MANUAL, flagGroupsMarkdown(SERVER_FLAG_GROUPS, true));
});

Deno.test("the manual shows what --check-config prints for its configuration file", () => {
  const [, file] = MANUAL.match(/```jsonc\n([^]*?)```/)!;
  const [, maxConnections, args, output] = MANUAL.match(
    /\$ CHORUS_MAX_CONNECTIONS=(\d+) deno task server (.*)\n([^]*?)```/,
  )!;
  const parsed = parseConfiguration(SERVER_FLAGS, {
    args: args!.split(" "),
    env: (name) => name === "CHORUS_MAX_CONNECTIONS" ? maxConnections : undefined,
    readTextFile: () => file!,
    findFaults: configFaults,
  });
  assertEquals(parsed.faults, []);
  // The widths of the columns depend on all flags.
  const rows = (text: string) =>
    text.trim().split("\n").map((line) => line.split(/ {2,}/).join(" "));
  const printed = rows(configText(SERVER_FLAGS, parsed));
  const shown = rows(output!).filter((line) => line !== "…");
  assertEquals(shown.filter((line) => !printed.includes(line)), []);
  assertEquals(shown.length, 5);
});

Deno.test("the manual runs Deno with the permissions of `deno task server`", () => {
  const { command } = denoJson.tasks.server;
  assertEquals(MANUAL.match(/^deno run .*$/m)![0], command);
  const plain = command.replaceAll("'", "");
  // The dependencies are downloaded before.
  const offline = plain.replace("deno run", "deno run --cached-only");
  assertEquals(DEPLOY.match(/(?<=^ExecStart=\S+\/)deno run .*$/m)![0], offline);
  const [entrypoint] = DEPLOY.match(/(?<=^ENTRYPOINT )\[[^\]]*\]/m)!;
  const args: string[] = JSON.parse(entrypoint.replaceAll("\\\n", ""));
  // The image has only its own files to read and write.
  const unlimited = args.slice(0, -2).join(" ").replaceAll(/(--allow-(?:read|write))=\S+/g, "$1");
  assertEquals(unlimited, offline);
});
