import { MAX_AGE_MS } from "../../cli/flags/duration.ts";
import type { FlagTable } from "../../cli/flags/flag.ts";

/** What is stored, and for how long. */
export const HISTORY_FLAGS = {
  data: {
    kind: "text",
    default: "",
    value: "FILE",
    isCommon: true,
    help: "SQLite file to store messages in, so that they survive a restart",
  },
  dataWaitMs: {
    kind: "duration",
    default: 0,
    help: "How long to wait at the start while another server uses the file",
  },
  durability: {
    kind: "choice",
    default: "process",
    choices: ["process", "power"],
    help: "Whether acknowledged messages survive a process crash (process), " +
      "or also a power failure (power)",
  },
  historyMessages: {
    kind: "integer",
    default: 100_000,
    value: "N",
    min: 0,
    max: 1_000_000_000,
    help: "Maximum number of messages in the history of each room; 0 disables the limit",
  },
  historyAgeMs: {
    kind: "duration",
    default: 0,
    max: MAX_AGE_MS,
    help: "Maximum age of messages in the history; 0 disables the limit",
  },
} as const satisfies FlagTable;
