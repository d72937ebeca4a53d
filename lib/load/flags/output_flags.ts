import { COMMON_FLAGS, type FlagTable } from "../../cli/flags/flag.ts";

/** Reports and files. */
export const OUTPUT_FLAGS = {
  report: {
    kind: "text",
    default: "",
    value: "FILE.html",
    isCommon: true,
    help: "Write an HTML report with charts to this file",
  },
  hdr: {
    kind: "text",
    default: "",
    value: "FILE",
    help:
      "Write the latency distribution to this file, in HdrHistogram's text format and milliseconds",
  },
  save: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Write the measured run to this file, to make other reports of it later",
  },
  baseline: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Compare with the run that --save wrote to this file",
  },
  quiet: {
    kind: "switch",
    default: false,
    help: "Print no messages and no progress",
  },
  json: {
    kind: "switch",
    default: false,
    isCommon: true,
    help: "Print one JSON object at the end, and nothing else on standard output",
  },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;
