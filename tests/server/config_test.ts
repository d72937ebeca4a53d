import { assertEquals } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { configFaults, SERVER_FLAGS } from "../../lib/server/config.ts";

const FAULT = "Cannot start because --allow-origin must be an origin without a path, such as " +
  "https://example.com or https://*.example.com, or *: --allow-origin was";

Deno.test("SERVER_FLAGS refuses an --allow-origin that no origin can match", () => {
  for (const origin of ["https://a*.example", "https://b.example/path", "null"]) {
    const args = ["https://*.example.com", "*", origin].flatMap((each) => ["--allow-origin", each]);
    assertEquals(parseFlags(SERVER_FLAGS, { args }).faults, [`${FAULT} "${origin}"`]);
  }
});

Deno.test("configFaults() reports a --drain-timeout that ends before the window does", () => {
  const faultsOf = (...args: string[]) => configFaults(parseFlags(SERVER_FLAGS, { args }).config);
  const delayed = ["--drain-delay", "5s", "--drain-window", "10s"];
  const fault = "Cannot stop by --drain-timeout (CHORUS_DRAIN_TIMEOUT) 15s: it begins with the " +
    "signal, so it must be at least --drain-delay and --drain-window and 1s together, which is 16s";
  assertEquals(faultsOf(...delayed, "--drain-timeout", "15s"), [fault]);
  assertEquals(faultsOf(...delayed, "--drain-timeout", "16s"), []);
  assertEquals(faultsOf("--drain-timeout", "0"), []);
});
