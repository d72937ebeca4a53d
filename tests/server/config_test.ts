import { assertEquals } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { SERVER_FLAGS } from "../../lib/server/config.ts";

const FAULT = "Cannot start because --allow-origin must be an origin without a path, such as " +
  "https://example.com or https://*.example.com, or *: --allow-origin was";

Deno.test("SERVER_FLAGS refuses an --allow-origin that no origin can match", () => {
  for (const origin of ["https://a*.example", "https://b.example/path", "null"]) {
    const args = ["https://*.example.com", "*", origin].flatMap((each) => ["--allow-origin", each]);
    assertEquals(parseFlags(SERVER_FLAGS, { args }).faults, [`${FAULT} "${origin}"`]);
  }
});
