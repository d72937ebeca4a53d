import type { FlagTable } from "../../cli/flags/flag.ts";

/** The bounds of memory and numbers. */
export const LIMIT_FLAGS = {
  maxConnections: {
    kind: "integer",
    default: 20_000,
    value: "N",
    min: 0,
    max: 10_000_000,
    help: "Maximum number of connections; more are refused with 503; 0 disables the limit",
  },
  maxConnectionsPerAddress: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 10_000_000,
    help: "Maximum number of connections of one address (IPv6: /64); more are refused with 429; " +
      "0 disables the limit",
  },
  handshakeRate: {
    kind: "rate",
    default: 0,
    of: "count",
    help: "New connections of one address (IPv6: /64), such as 5/s, and separately its wrong " +
      "tokens; more are refused with 429; 0 disables the limit",
  },
  maxRoomMembers: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 10_000_000,
    help: "Maximum number of connections in a room; more are refused with 503; " +
      "0 disables the limit",
  },
  messageRate: {
    kind: "rate",
    default: 0,
    of: "count",
    help: "Messages that a connection may send, such as 10/s; 0 disables the limit",
  },
  byteRate: {
    kind: "rate",
    default: 0,
    of: "bytes",
    help: "Bytes of messages that a connection may send, such as 64KiB/s; 0 disables the limit",
  },
  ratePolicy: {
    kind: "choice",
    default: "pace",
    choices: ["pace", "close"],
    help:
      "What to do with a connection that sends too much: read from it later, or close with 4029",
  },
  publishRate: {
    kind: "rate",
    default: 0,
    of: "count",
    help: "HTTP publishes of one address (IPv6: /64), such as 10/s; more are refused with 429; " +
      "0 disables the limit",
  },
  rateBurstMs: {
    kind: "duration",
    default: 5000,
    help: "How much time's unused rate a client may use in one burst",
  },
  maxHeadBytes: {
    kind: "size",
    default: 16 * 1024,
    min: 1024,
    max: 1024 ** 2,
    help: "Maximum size of a request's head; a larger head is refused with 431",
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
    min: 0,
    max: 10_000_000,
    help: "Maximum number of rooms; a new room replaces the one that has been empty longest, " +
      "or gets 503; 0 disables the limit",
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
