import { COMMON_FLAGS, type FlagTable } from "../../cli/flags/flag.ts";
import { parseAddress } from "../address.ts";
import { DRAIN_FLAGS } from "./drain_flags.ts";

/** The configuration, logging, metrics, and stopping. */
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
  metricsListen: {
    kind: "text",
    default: "",
    value: "HOST:PORT",
    help: "Serve /metrics on this address, such as 127.0.0.1:9464, instead of on --port",
    check: (text) =>
      parseAddress(text) ? undefined : "a host and a port, such as 127.0.0.1:9464 or [::1]:9464",
  },
  ...DRAIN_FLAGS,
  checkConfig: {
    kind: "command",
    default: false,
    isCommon: true,
    help: "Check the configuration, print each value and its source, and exit",
  },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;
