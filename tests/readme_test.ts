import { assertStringIncludes } from "@std/assert";
import { flagTableMarkdown } from "../lib/cli/help.ts";
import { SERVER_FLAGS } from "../lib/server/config.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));

Deno.test("the README has the server's flags as they are", () => {
  assertStringIncludes(README, flagTableMarkdown(SERVER_FLAGS, true));
});
