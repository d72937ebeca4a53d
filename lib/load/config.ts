import { CHORUS_PROTOCOL } from "../chat/chorus_v1.ts";
import type { ConfigOf, FlagGroup, FlagTable } from "../cli/flags/flag.ts";
import { CONNECTION_FLAGS } from "./flags/connection_flags.ts";
import { MEASURING_FLAGS } from "./flags/measuring_flags.ts";
import { OUTPUT_FLAGS } from "./flags/output_flags.ts";
import { USER_FLAGS } from "./flags/user_flags.ts";

/** The client's flags in groups, for `--help` and README.md. */
export const CLIENT_FLAG_GROUPS: readonly FlagGroup[] = [
  { title: "Users", hint: "how many, and what they send", flags: USER_FLAGS },
  { title: "Measuring", hint: "load, checks, and gates", flags: MEASURING_FLAGS },
  { title: "Connections", hint: "pace, headers, and TLS", flags: CONNECTION_FLAGS },
  { title: "Output", hint: "reports and files", flags: OUTPUT_FLAGS },
];

/** All flags of the client. {@linkcode ClientConfig} is derived from them. */
export const CLIENT_FLAGS = {
  ...USER_FLAGS,
  ...MEASURING_FLAGS,
  ...CONNECTION_FLAGS,
  ...OUTPUT_FLAGS,
} as const satisfies FlagTable;

/** The resolved configuration: one value for each of {@linkcode CLIENT_FLAGS}. */
export type ClientConfig = ConfigOf<typeof CLIENT_FLAGS>;

/** Whether the run checks that all receivers of a room see one order. */
export function isOrderChecked({ check, verify }: ClientConfig): boolean {
  return verify || check.includes("order");
}

/** Whether the flags ask for a measured run. If not, the users only talk. */
export function isMeasured({ rate, stage, verify, findMax }: ClientConfig): boolean {
  return rate > 0 || stage.length > 0 || verify || findMax !== "";
}

/** Whether the users speak `chorus.v1`: those of a measured run do if they offer it. */
export function speaksChorus(config: ClientConfig): boolean {
  return isMeasured(config) && config.protocol.includes(CHORUS_PROTOCOL);
}
