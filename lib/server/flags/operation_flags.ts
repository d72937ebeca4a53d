import { COMMON_FLAGS, type FlagTable } from "../../cli/flags/flag.ts";
import { DRAIN_FLAGS } from "./drain_flags.ts";

/** Logging, stopping, and checking the configuration. */
export const OPERATION_FLAGS = {
  logMessages: {
    kind: "switch",
    default: false,
    help: "Log the text of each message",
  },
  logLevel: {
    kind: "choice",
    default: "info",
    choices: ["debug", "info", "warning", "error"],
    help: "Minimum level of the lines to log",
  },
  logFormat: {
    kind: "choice",
    default: "text",
    choices: ["text", "json"],
    help: "Format of log lines: text, or one JSON object per line",
  },
  ...DRAIN_FLAGS,
  checkConfig: {
    kind: "command",
    default: false,
    help: "Check and print the configuration, then exit",
  },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;
