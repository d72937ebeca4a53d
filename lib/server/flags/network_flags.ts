import type { FlagTable } from "../../cli/flags/flag.ts";
import { parseAllowedOrigin } from "../security/origin.ts";
import { parseCidr } from "../security/proxies.ts";

/** Where the server listens, and who may connect to it. */
export const NETWORK_FLAGS = {
  hostname: {
    kind: "text",
    default: "127.0.0.1",
    value: "HOST",
    isCommon: true,
    help: "Address to listen on; 0.0.0.0 lets other machines connect",
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
  listenFd: {
    kind: "choice",
    default: "none",
    choices: ["none", "3"],
    help: "Listen on this open socket instead of --hostname and --port; systemd passes 3",
  },
  reusePort: {
    kind: "switch",
    default: false,
    help: "Share the port with other servers on this machine that have this flag, too; Linux only",
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
  trustProxy: {
    kind: "list",
    default: [],
    value: "CIDR",
    help:
      "Network of trusted proxies, such as 10.0.0.0/8, whose header gives the client's address; " +
      "repeatable",
    check: (text) => {
      const cidr = parseCidr(text);
      return typeof cidr === "string" ? cidr : undefined;
    },
  },
  proxyHeader: {
    kind: "choice",
    default: "x-forwarded-for",
    choices: ["x-forwarded-for", "forwarded"],
    help: "The header in which proxies of --trust-proxy tell the client's address",
  },
} as const satisfies FlagTable;
