import type { FlagTable } from "../../cli/flags/flag.ts";
import { mustBeAddress, mustBeHeader, mustBeHeaderValue, mustBeToken } from "./flag_checks.ts";

/** Pace, headers, and TLS. */
export const CONNECTION_FLAGS = {
  staggerMs: {
    kind: "duration",
    default: 50,
    help: "Time between one user connecting and the next",
  },
  connectRate: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 1_000_000,
    help: "Users that connect per second; 0 uses --stagger",
  },
  header: {
    kind: "each",
    default: [],
    short: "H",
    value: '"NAME: VALUE"',
    help: "Extra header of the handshake; repeatable",
    check: mustBeHeader,
  },
  origin: {
    kind: "text",
    default: "",
    value: "ORIGIN",
    help: "Origin header of the handshake, as a browser sends it",
    check: mustBeHeaderValue,
  },
  protocol: {
    kind: "list",
    default: [],
    value: "NAME,…",
    help: "WebSocket subprotocols to offer, most preferred first",
    check: mustBeToken,
  },
  token: {
    kind: "text",
    default: "",
    value: "TOKEN",
    help: "Bearer token of the handshake: sends `Authorization: Bearer TOKEN`",
    check: mustBeHeaderValue,
  },
  cacert: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "PEM file of certificates to trust instead of the system's",
  },
  insecure: {
    kind: "switch",
    default: false,
    help: "Accept any TLS certificate",
  },
  localAddress: {
    kind: "each",
    default: [],
    value: "ADDRESS",
    help: "Source address of the connections; repeatable: users take turns",
    check: mustBeAddress,
  },
  connectTimeoutMs: {
    kind: "duration",
    default: 10_000,
    min: 1,
    help: "How long the server may take to respond to a handshake",
  },
  reconnect: {
    kind: "switch",
    default: true,
    help: "Do not reconnect after a lost connection",
  },
} as const satisfies FlagTable;
