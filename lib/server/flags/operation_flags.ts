import { COMMON_FLAGS, type FlagTable } from "../../cli/flags/flag.ts";

/** The configuration, logging, and stopping. */
export const OPERATION_FLAGS = {
  config: {
    kind: "text",
    default: "",
    value: "FILE",
    isCommon: true,
    help: "Read values from this JSONC file; flags and variables override it",
  },
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
  drainTimeoutMs: {
    kind: "duration",
    default: 5000,
    help: "Time to deliver messages and close connections when the server stops",
  },
  checkConfig: {
    kind: "command",
    default: false,
    isCommon: true,
    help: "Check the configuration, print each value and its source, and exit",
  },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;
