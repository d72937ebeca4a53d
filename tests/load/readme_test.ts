import { assertStringIncludes } from "@std/assert";
import { flagGroupsMarkdown } from "../../lib/cli/flags/help.ts";
import { CLIENT_FLAG_GROUPS } from "../../lib/load/config.ts";

Deno.test("lib/load/README.md has the tables of the client's flags", async () => {
  const readme = await Deno.readTextFile(new URL("../../lib/load/README.md", import.meta.url));
  assertStringIncludes(readme, flagGroupsMarkdown(CLIENT_FLAG_GROUPS, false));
});
