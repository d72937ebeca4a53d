import type { ConfigOf, FlagTable } from "../cli/flags.ts";

/** The server's flags: what `--help`, the environment, the README and {@linkcode ServerConfig} are made of. */
export const SERVER_FLAGS = {
  hostname: {
    kind: "text",
    default: "127.0.0.1",
    value: "HOST",
    help: "Address to listen on; 0.0.0.0 opens the chat to the network",
    check: (text) => text === "" ? "an address or a host name" : undefined,
  },
  port: {
    kind: "integer",
    default: 8000,
    value: "PORT",
    min: 0,
    max: 65535,
    help: "Port to listen on; 0 picks a free one",
  },
  engine: {
    kind: "choice",
    default: "direct",
    choices: ["direct", "serve"],
    help: "Who frames WebSockets: Chorus itself, or Deno.serve",
  },
  allowOrigin: {
    kind: "list",
    default: [],
    value: "ORIGIN",
    help: "Let pages of this origin in, such as https://example.com, or * for all; repeatable",
    check: (text) => isOrigin(text) ? undefined : "an origin such as https://example.com, or *",
  },
  binary: {
    kind: "switch",
    default: false,
    help: "Relay binary messages instead of closing with 1003",
  },
  echo: {
    kind: "switch",
    default: false,
    help: "Also return each message to its sender",
  },
  greeting: {
    kind: "text",
    default: "",
    value: "TEXT",
    help: "Send this text to each connection as it opens",
  },
  maxMessageBytes: {
    kind: "integer",
    default: 64 * 1024,
    value: "BYTES",
    min: 1,
    max: 1024 ** 3,
    help: "Longest message; a longer one closes with 1009",
  },
  maxConnections: {
    kind: "integer",
    default: 20_000,
    value: "N",
    min: 1,
    max: 10_000_000,
    help: "Most connections in the chat; beyond it 503",
  },
  logRetentionBytes: {
    kind: "integer",
    default: 16 * 1024 ** 2,
    value: "BYTES",
    min: 64 * 1024,
    max: 64 * 1024 ** 3,
    help: "How much of the messages a room keeps for readers that lag",
  },
  maxLogBytes: {
    kind: "integer",
    default: 1024 ** 3,
    value: "BYTES",
    min: 1024 ** 2,
    max: 1024 ** 4,
    help: "How much all rooms together keep; beyond it empty rooms go, then each keeps less",
  },
  maxRooms: {
    kind: "integer",
    default: 10_000,
    value: "N",
    min: 1,
    max: 10_000_000,
    help: "Most rooms; beyond it the one that has been empty for longest goes, or 503",
  },
  data: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Keep what is said in this SQLite file, so that it outlives the server",
  },
  durability: {
    kind: "choice",
    default: "process",
    choices: ["process", "power"],
    help: "What an acked message in --data survives: the server's end, or the machine's too",
  },
  historyMessages: {
    kind: "integer",
    default: 100_000,
    value: "N",
    min: 0,
    max: 1_000_000_000,
    help: "How many messages of a room are kept; 0 is as many as there is room for",
  },
  historyAgeMs: {
    kind: "duration",
    default: 0,
    min: 0,
    help: "For how long messages are kept; 0 is as long as there is room for",
  },
  slowReader: {
    kind: "choice",
    default: "close",
    choices: ["close", "skip"],
    help: "A reader that lags by more is closed with 4008, or skips what is gone",
  },
  stallTimeoutMs: {
    kind: "duration",
    default: 15_000,
    min: 0,
    help: "A reader that reads nothing at all for this long is destroyed; 0 is never",
  },
  pingIntervalMs: {
    kind: "duration",
    default: 25_000,
    min: 0,
    help: "A peer that is silent for this long is pinged; 0 is never",
  },
  pongTimeoutMs: {
    kind: "duration",
    default: 10_000,
    min: 0,
    help: "A peer that does not answer a ping for this long is destroyed; 0 is never",
  },
  handshakeTimeoutMs: {
    kind: "duration",
    default: 5000,
    min: 0,
    help: "How long a client may take to finish its first request; 0 is for ever",
  },
  closeTimeoutMs: {
    kind: "duration",
    default: 5000,
    min: 0,
    help: "How long a peer may take to answer a close; 0 is for ever",
  },
  tlsCert: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Certificate chain in PEM; with --tls-key, the server speaks https and wss",
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
    help: "Least important records to log",
  },
  logFormat: {
    kind: "choice",
    default: "text",
    choices: ["text", "json"],
    help: "Log lines for people or for programs",
  },
  drainTimeoutMs: {
    kind: "duration",
    default: 5000,
    min: 0,
    help: "How long a stop waits for peers to close",
  },
  checkConfig: {
    kind: "command",
    default: false,
    help: "Print the configuration, say what is wrong with it, and exit",
  },
  help: {
    kind: "command",
    default: false,
    short: "h",
    help: "Print this and exit",
  },
  version: {
    kind: "command",
    default: false,
    help: "Print the version and exit",
  },
} as const satisfies FlagTable;

/** The server's configuration, resolved: what {@linkcode SERVER_FLAGS} parses to. */
export type ServerConfig = ConfigOf<typeof SERVER_FLAGS>;

/** What is wrong with values that are right one by one. */
export function configFaults({ tlsCert, tlsKey }: ServerConfig): readonly string[] {
  if ((tlsCert === "") === (tlsKey === "")) return [];
  const [given, missing] = tlsCert === "" ? ["key", "cert"] : ["cert", "key"];
  return [
    `Cannot start as --tls-${given} (CHORUS_TLS_${given.toUpperCase()}) needs ` +
    `--tls-${missing} (CHORUS_TLS_${missing.toUpperCase()}) beside it: that was ""`,
  ];
}

function isOrigin(text: string): boolean {
  return text === "*" ||
    (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text.toLowerCase());
}
