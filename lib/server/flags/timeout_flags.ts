import type { FlagTable } from "../../cli/flags/flag.ts";

/** The deadlines of connections and requests. */
export const TIMEOUT_FLAGS = {
  handshakeTimeoutMs: {
    kind: "duration",
    default: 5000,
    help: "Time for a client to send the head of its first request; 0 disables the limit",
  },
  requestTimeoutMs: {
    kind: "duration",
    default: 30_000,
    help: "Time for a client to send a whole request; 0 disables the limit",
  },
  keepAliveMs: {
    kind: "duration",
    default: 75_000,
    help: "Time that an HTTP connection may be idle between requests; 0 disables the limit",
  },
  pingIntervalMs: {
    kind: "duration",
    default: 25_000,
    help: "Ping a connection that has been silent for this long; 0 disables",
  },
  pongTimeoutMs: {
    kind: "duration",
    default: 10_000,
    help: "Drop a connection that does not answer a ping within this time; 0 disables",
  },
  stallTimeoutMs: {
    kind: "duration",
    default: 15_000,
    help: "Drop a connection that reads nothing for this long while data is waiting; 0 disables",
  },
  closeTimeoutMs: {
    kind: "duration",
    default: 5000,
    help: "Time for a peer to answer a close frame; 0 disables the limit",
  },
} as const satisfies FlagTable;
