import { MAX_AGE_MS } from "../cli/flags/duration.ts";
import { COMMON_FLAGS, type ConfigOf, type FlagGroup, type FlagTable } from "../cli/flags/flag.ts";
import {
  mustBeGate,
  mustBeGates,
  mustBeHeader,
  mustBeHeaderValue,
  mustBeSlow,
  mustBeToken,
  mustBeWebSocketUrl,
} from "./flag_checks.ts";

const USER_FLAGS = {
  url: {
    kind: "text",
    default: "ws://127.0.0.1:8000/ws",
    value: "URL",
    isCommon: true,
    help: "WebSocket URL of the server",
    check: mustBeWebSocketUrl,
  },
  room: {
    kind: "text",
    default: "",
    value: "NAME",
    isCommon: true,
    help: "Room to join; adds ?room=NAME to the URL",
  },
  count: {
    kind: "integer",
    default: 9,
    value: "N",
    min: 1,
    max: 100_000,
    isCommon: true,
    help: "Users to simulate, numbered 1 to N",
  },
  intervalMs: {
    kind: "duration",
    default: 2000,
    min: 1,
    isCommon: true,
    help: "Time between the messages of user 1; see --every for other users",
  },
  every: {
    kind: "choice",
    default: "scaled",
    choices: ["scaled", "fixed"],
    help: "User k sends every k intervals (scaled), or every user sends every interval (fixed)",
  },
  message: {
    kind: "text",
    default: "Client {id} says hello",
    value: "TEXT",
    allowsEmptyText: true,
    isCommon: true,
    help: "Message to send; {id}, {seq}, and {time} are filled in, and {marker} when measuring",
  },
  durationMs: {
    kind: "duration",
    default: 0,
    max: MAX_AGE_MS,
    isCommon: true,
    help: "How long to run, not counting --warmup; 0 means until Ctrl-C",
  },
} as const satisfies FlagTable;

const MEASURING_FLAGS = {
  rate: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 1_000_000,
    isCommon: true,
    help: "Measure: messages per second in total, sent on schedule regardless of the server's pace",
  },
  verify: {
    kind: "switch",
    default: false,
    help: "Measure: check every delivery while users send at their --interval",
  },
  findMax: {
    kind: "text",
    default: "",
    value: "GATES",
    help: "Measure: find the highest rate that passes all these gates, such as p99<250ms,lost=0",
    check: mustBeGates,
  },
  senders: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 100_000,
    help: "Users that send; 0 means all except the slow readers",
  },
  size: {
    kind: "integer",
    default: 64,
    value: "BYTES",
    min: 0,
    max: 1_000_000,
    help: "Minimum message length; shorter messages are padded",
  },
  warmupMs: {
    kind: "duration",
    default: 1000,
    help: "How long to send before rates and latencies count",
  },
  drainTimeoutMs: {
    kind: "duration",
    default: 5000,
    help: "How long to wait after the last arrival before missing messages count as lost",
  },
  slow: {
    kind: "text",
    default: "0",
    value: "N|P%",
    help: "Slow readers: users that read nothing until all messages are sent",
    check: mustBeSlow,
  },
  churn: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 10_000,
    help: "Users that disconnect and reconnect, per second",
  },
  workers: {
    kind: "integer",
    default: 1,
    value: "N",
    min: 1,
    max: 64,
    help: "Threads to spread the users over",
  },
  expect: {
    kind: "each",
    default: [],
    value: "GATE",
    isCommon: true,
    help: "Gate that the run must pass, such as p99<250ms or lost=0; repeatable",
    check: mustBeGate,
  },
  strict: {
    kind: "switch",
    default: false,
    help: "Fail if the client, not the server, may have been the limit",
  },
  seed: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 2 ** 32 - 1,
    help: "Seed of random choices (churn, reconnect delays); 0 means a new one each time",
  },
} as const satisfies FlagTable;

const CONNECTION_FLAGS = {
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

const OUTPUT_FLAGS = {
  report: {
    kind: "text",
    default: "",
    value: "FILE.html",
    isCommon: true,
    help: "Write an HTML report with charts to this file",
  },
  hdr: {
    kind: "text",
    default: "",
    value: "FILE",
    help:
      "Write the latency distribution to this file, in HdrHistogram's text format and milliseconds",
  },
  quiet: {
    kind: "switch",
    default: false,
    help: "Print no messages and no progress",
  },
  json: {
    kind: "switch",
    default: false,
    isCommon: true,
    help: "Print one JSON object at the end, and nothing else on standard output",
  },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** The client's flags in groups, for `--help` and README.md. */
export const CLIENT_FLAG_GROUPS: readonly FlagGroup[] = [
  { title: "Users", hint: "how many, and what they send", flags: USER_FLAGS },
  { title: "Measuring", hint: "load, checks, and gates", flags: MEASURING_FLAGS },
  { title: "Connections", hint: "pace, headers, and TLS", flags: CONNECTION_FLAGS },
  { title: "Output", hint: "reports and files", flags: OUTPUT_FLAGS },
];

/** All flags of the client. {@linkcode ClientConfig} is derived from them. */
export const CLIENT_FLAGS = {
  ...USER_FLAGS,
  ...MEASURING_FLAGS,
  ...CONNECTION_FLAGS,
  ...OUTPUT_FLAGS,
} as const satisfies FlagTable;

/** The resolved configuration: one value for each of {@linkcode CLIENT_FLAGS}. */
export type ClientConfig = ConfigOf<typeof CLIENT_FLAGS>;

/** Whether the flags ask for a measured run. If not, the users only talk. */
export function isMeasured({ rate, verify, findMax }: ClientConfig): boolean {
  return rate > 0 || verify || findMax !== "";
}
