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
    kind: "switch",
    default: false,
    help: "Print the configuration, say what is wrong with it, and exit",
  },
  help: {
    kind: "switch",
    default: false,
    short: "h",
    help: "Print this and exit",
  },
  version: {
    kind: "switch",
    default: false,
    help: "Print the version and exit",
  },
} as const satisfies FlagTable;

/** The server's configuration, resolved: what {@linkcode SERVER_FLAGS} parses to. */
export type ServerConfig = ConfigOf<typeof SERVER_FLAGS>;

function isOrigin(text: string): boolean {
  return text === "*" ||
    (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text.toLowerCase());
}
