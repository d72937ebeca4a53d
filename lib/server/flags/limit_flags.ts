import type { FlagTable } from "../../cli/flags/flag.ts";

/** The bounds of memory and numbers. */
export const LIMIT_FLAGS = {
  maxConnections: {
    kind: "integer",
    default: 20_000,
    value: "N",
    min: 1,
    max: 10_000_000,
    help: "Maximum number of connections; more are refused with 503",
  },
  maxMessageBytes: {
    kind: "size",
    default: 64 * 1024,
    min: 1,
    max: 1024 ** 3,
    help: "Maximum message size; a larger message closes the sender's connection with 1009",
  },
  maxRooms: {
    kind: "integer",
    default: 10_000,
    value: "N",
    min: 1,
    max: 10_000_000,
    help: "Maximum number of rooms; a new room replaces the one that has been empty longest, " +
      "or gets 503",
  },
  logRetentionBytes: {
    kind: "size",
    default: 16 * 1024 ** 2,
    min: 64 * 1024,
    max: 64 * 1024 ** 3,
    help: "Memory for the recent messages of each room",
  },
  maxLogBytes: {
    kind: "size",
    default: 1024 ** 3,
    min: 1024 ** 2,
    max: 1024 ** 4,
    help:
      "Maximum size of all logs; above it, empty rooms are removed, and large logs are shortened",
  },
  memoryLimit: {
    kind: "size",
    default: 0,
    min: 128 * 1024 ** 2,
    max: 64 * 1024 ** 4,
    zeroDisables: true,
    help: "Memory of the process above which new work is refused with 503; 0 disables the limit",
  },
  slowReader: {
    kind: "choice",
    default: "close",
    choices: ["close", "skip"],
    help: "What to do with a reader behind --log-retention-bytes: close with 4008, or skip ahead",
  },
} as const satisfies FlagTable;
