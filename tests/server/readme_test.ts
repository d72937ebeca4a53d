import { assertStringIncludes } from "@std/assert";
import { flagTableMarkdown } from "../../lib/cli/help.ts";
import { SERVER_FLAGS } from "../../lib/server/config.ts";

const MANUAL = await Deno.readTextFile(new URL("../../lib/server/README.md", import.meta.url));

Deno.test("the server's manual has the table of its flags", () => {
  assertStringIncludes(MANUAL, flagTableMarkdown(SERVER_FLAGS, true));
});
