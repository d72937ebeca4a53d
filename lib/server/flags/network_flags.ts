import type { FlagTable } from "../../cli/flags/flag.ts";
import { parseAllowedOrigin } from "../security/origin.ts";

/** Where the server listens, and who may connect to it. */
export const NETWORK_FLAGS = {
  hostname: {
    kind: "text",
    default: "127.0.0.1",
    value: "HOST",
    isCommon: true,
    help: "Address to listen on; 0.0.0.0 lets other machines connect",
    check: (text) => text === "" ? "an address or a host name" : undefined,
  },
  port: {
    kind: "integer",
    default: 8000,
    value: "PORT",
    min: 0,
    max: 65535,
    isCommon: true,
    help: "Port to listen on; 0 picks a free port",
  },
  engine: {
    kind: "choice",
    default: "direct",
    choices: ["direct", "serve"],
    help: "WebSocket implementation: Chorus's own (direct), or Deno's (serve)",
  },
  tlsCert: {
    kind: "text",
    default: "",
    value: "FILE",
    isCommon: true,
    help: "Certificate chain in PEM; with --tls-key, the server uses https and wss",
  },
  tlsKey: {
    kind: "text",
    default: "",
    value: "FILE",
    isCommon: true,
    help: "Private key of the certificate, in PEM",
  },
  allowOrigin: {
    kind: "list",
    default: [],
    value: "ORIGIN",
    isCommon: true,
    help: "Accept pages from this origin; * accepts all origins; repeatable",
    check: (text) =>
      parseAllowedOrigin(text)
        ? undefined
        : "an origin without a path, such as https://example.com or https://*.example.com, or *",
  },
} as const satisfies FlagTable;
