import { assertEquals } from "@std/assert";
import type { FlagTable } from "../../../lib/cli/flags/flag.ts";
import { unmetNeeds } from "../../../lib/cli/flags/flag_needs.ts";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";

const TABLE = {
  waitMs: { kind: "duration", default: 1000, help: "" },
  data: { kind: "text", default: "", value: "FILE", help: "" },
  trust: { kind: "list", default: [], value: "CIDR", help: "" },
  rate: { kind: "rate", default: 0, of: "count", help: "" },
} as const satisfies FlagTable;

function faultsOf(needed: readonly (keyof typeof TABLE)[], ...args: string[]): readonly string[] {
  return unmetNeeds(TABLE, parseFlags(TABLE, { args }).config, { waitMs: needed });
}

const GIVEN = "Cannot use --wait (CHORUS_WAIT) without";
const DATA = "--data (CHORUS_DATA)";
const TRUST = "--trust (CHORUS_TRUST)";
const RATE = "--rate (CHORUS_RATE)";

Deno.test("unmetNeeds() names the flags of which one is missing", () => {
  assertEquals(faultsOf(["data"], "--wait=2s"), [`${GIVEN} ${DATA}: it is not set`]);
  assertEquals(faultsOf(["data", "trust"], "--wait=2s"), [
    `${GIVEN} ${DATA} or ${TRUST}: neither is set`,
  ]);
  assertEquals(faultsOf(["data", "trust", "rate"], "--wait=2s"), [
    `${GIVEN} ${DATA}, ${TRUST}, or ${RATE}: none of them is set`,
  ]);
});

Deno.test("unmetNeeds() accepts a flag with one of those that it needs", () => {
  for (const other of ["--data=x", "--trust=::1", "--rate=1/s"]) {
    assertEquals(faultsOf(["data", "trust", "rate"], "--wait=2s", other), []);
  }
});

Deno.test("unmetNeeds() takes a flag with its default for not set", () => {
  assertEquals(faultsOf(["data"], "--wait=1000ms"), []);
  assertEquals(faultsOf(["data", "trust", "rate"], "--wait=2s", "--trust=", "--rate=0").length, 1);
});
