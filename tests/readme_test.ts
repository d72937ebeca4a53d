import { assertStringIncludes } from "@std/assert";
import { flagTableMarkdown } from "../lib/cli/help.ts";
import { CLIENT_FLAGS } from "../lib/load/config.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));

Deno.test("the README has the client's flags as they are", () => {
  assertStringIncludes(README, flagTableMarkdown(CLIENT_FLAGS, false));
});
