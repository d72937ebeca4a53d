import type { FlagTable } from "../../cli/flags/flag.ts";
import { mustBeGate, mustBeGates, mustBeSlow } from "./flag_checks.ts";

/** Load, checks, and gates. */
export const MEASURING_FLAGS = {
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
  skew: {
    kind: "choice",
    default: "even",
    choices: ["even", "zipf"],
    help: "How messages spread over rooms: evenly, or by Zipf's law, to have a few loud rooms",
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
