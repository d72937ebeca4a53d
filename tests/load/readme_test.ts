import { assertStringIncludes } from "@std/assert";
import { flagTableMarkdown } from "../../lib/cli/flags/help.ts";
import { CLIENT_FLAGS } from "../../lib/load/config.ts";

Deno.test("lib/load/README.md has the table of the client's flags", async () => {
  const readme = await Deno.readTextFile(new URL("../../lib/load/README.md", import.meta.url));
  assertStringIncludes(readme, flagTableMarkdown(CLIENT_FLAGS, false));
});
