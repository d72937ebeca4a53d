import denoJson from "../../deno.json" with { type: "json" };
import { assertEquals, assertStringIncludes } from "@std/assert";
import { flagGroupsMarkdown } from "../../lib/cli/flags/help.ts";
import { SERVER_FLAG_GROUPS } from "../../lib/server/config.ts";

const MANUAL = await Deno.readTextFile(new URL("../../lib/server/README.md", import.meta.url));

Deno.test("the server's manual has the tables of its flags", () => {
  assertStringIncludes(MANUAL, flagGroupsMarkdown(SERVER_FLAG_GROUPS, true));
});

Deno.test("the manual runs Deno with the permissions of `deno task server`", () => {
  const { command } = denoJson.tasks.server;
  const plain = command.replaceAll("'", "");
  const [shell, systemd] = Array.from(
    MANUAL.matchAll(/^(?:ExecStart=\S+\/)?(deno run .*)$/gm),
    ([, line]) => line,
  );
  assertEquals([shell, systemd], [command, plain]);
  const [entrypoint] = MANUAL.match(/(?<=^ENTRYPOINT )\[[^\]]*\]/m)!;
  const args: string[] = JSON.parse(entrypoint.replaceAll("\\\n", ""));
  assertEquals(args.slice(0, -2).join(" "), plain);
});
