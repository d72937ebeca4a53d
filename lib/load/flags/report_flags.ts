import { COMMON_FLAGS, type FlagTable } from "../../cli/flags/flag.ts";
import { MEASURING_FLAGS } from "./measuring_flags.ts";
import { OUTPUT_FLAGS } from "./output_flags.ts";

const { report, hdr, baseline, json } = OUTPUT_FLAGS;

/** The flags of `client report FILE`, which makes reports of a saved run. */
export const REPORT_FLAGS = {
  report,
  hdr,
  json,
  expect: MEASURING_FLAGS.expect,
  baseline,
  ...COMMON_FLAGS,
} as const satisfies FlagTable;
