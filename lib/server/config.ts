import { COMMON_FLAGS, type ConfigOf, type FlagTable } from "../cli/flags.ts";
import { parseAllowedOrigin } from "./security/origin.ts";

/**
 * The server's flags. `--help`, the environment variables, the table in README.md, and
 * {@linkcode ServerConfig} are all derived from this table.
 */
export const SERVER_FLAGS = {
  hostname: {
    kind: "text",
    default: "127.0.0.1",
    value: "HOST",
    help: "Address to listen on; 0.0.0.0 accepts connections from the network",
    check: (text) => text === "" ? "an address or a host name" : undefined,
  },
  port: {
    kind: "integer",
    default: 8000,
    value: "PORT",
    min: 0,
    max: 65535,
    help: "Port to listen on; 0 picks a free port",
  },
  engine: {
    kind: "choice",
    default: "direct",
    choices: ["direct", "serve"],
    help: "WebSocket implementation: Chorus's own (direct), or Deno's (serve)",
  },
  allowOrigin: {
    kind: "list",
    default: [],
    value: "ORIGIN",
    help: "Accept pages from this origin, such as https://*.example.com; * accepts all; repeatable",
    check: (text) =>
      parseAllowedOrigin(text)
        ? undefined
        : "an origin without a path, such as https://example.com or https://*.example.com, or *",
  },
  binary: {
    kind: "switch",
    default: false,
    help: "Relay binary messages; without it, they close the sender's connection with 1003",
  },
  echo: {
    kind: "switch",
    default: false,
    help: "Also send each message back to its sender",
  },
  greeting: {
    kind: "text",
    default: "",
    value: "TEXT",
    help: "Text to send to each new plain text connection",
  },
  maxMessageBytes: {
    kind: "integer",
    default: 64 * 1024,
    value: "BYTES",
    min: 1,
    max: 1024 ** 3,
    help: "Maximum message size; a larger message closes the sender's connection with 1009",
  },
  maxConnections: {
    kind: "integer",
    default: 20_000,
    value: "N",
    min: 1,
    max: 10_000_000,
    help: "Maximum number of connections; more are refused with 503",
  },
  logRetentionBytes: {
    kind: "integer",
    default: 16 * 1024 ** 2,
    value: "BYTES",
    min: 64 * 1024,
    max: 64 * 1024 ** 3,
    help: "Memory for the recent messages of each room",
  },
  maxLogBytes: {
    kind: "integer",
    default: 1024 ** 3,
    value: "BYTES",
    min: 1024 ** 2,
    max: 1024 ** 4,
    help:
      "Maximum size of all logs; above it, empty rooms are removed, and large logs are shortened",
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
  data: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "SQLite file to store messages in, so that they survive a restart",
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
    help: "Maximum age of messages in the history; 0 disables the limit",
  },
  slowReader: {
    kind: "choice",
    default: "close",
    choices: ["close", "skip"],
    help: "What to do with a reader behind --log-retention-bytes: close with 4008, or skip ahead",
  },
  stallTimeoutMs: {
    kind: "duration",
    default: 15_000,
    help: "Drop a connection that reads nothing for this long while data is waiting; 0 disables",
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
  closeTimeoutMs: {
    kind: "duration",
    default: 5000,
    help: "Time for a peer to answer a close frame; 0 disables the limit",
  },
  tlsCert: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Certificate chain in PEM; with --tls-key, the server uses https and wss",
  },
  tlsKey: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Private key of the certificate, in PEM",
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
    help: "Check and print the configuration, then exit",
  },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** The resolved configuration of the server: one value for each of {@linkcode SERVER_FLAGS}. */
export type ServerConfig = ConfigOf<typeof SERVER_FLAGS>;

/** Reports values that are valid alone but not together; one line each. */
export function configFaults({ tlsCert, tlsKey }: ServerConfig): readonly string[] {
  if ((tlsCert === "") === (tlsKey === "")) return [];
  const [given, missing] = tlsCert === "" ? ["key", "cert"] : ["cert", "key"];
  return [
    `Cannot use --tls-${given} (CHORUS_TLS_${given.toUpperCase()}) without ` +
    `--tls-${missing} (CHORUS_TLS_${missing.toUpperCase()}): it is not set`,
  ];
}
