import { NO_COUNTS } from "../../../lib/load/measure/ledger/delivery_counts.ts";
import type { Measurement } from "../../../lib/load/measure/measurement.ts";
import { Recorder } from "../../../lib/load/measure/recorder.ts";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS } from "../../../lib/load/config.ts";
import type { FinishedRun } from "../../../lib/load/report/saved_run/saved_run.ts";
import type { Baseline } from "../../../lib/load/report/comparison.ts";
import { metricsOf } from "../../../lib/load/report/metric.ts";
import { Summary } from "../../../lib/load/measure/summary.ts";

export const LATENCY = { count: 100, p50: 1, p90: 2, p99: 3, "p99.9": 4, max: 5 };

const summary = new Summary();
Object.assign(summary, { opened: 3, sent: 10, received: 23 });
summary.closeCodes.set(1000, 3);

/** A run of three users without any fault. */
export const GOOD: Measurement = {
  summary,
  ledger: { ...NO_COUNTS, delivered: 20, foreign: 3 },
  faults: [],
  uncompared: undefined,
  unrecognized: undefined,
  acks: undefined,
  history: undefined,
  storm: undefined,
  slow: { count: 0, closeCodes: new Map(), ledger: NO_COUNTS },
  offeredRate: 100,
  achievedRate: 100,
  deliveriesPerSecond: 200,
  latencies: {
    delivery: LATENCY,
    raw: LATENCY,
    first: LATENCY,
    last: LATENCY,
    spread: LATENCY,
    slip: LATENCY,
    ack: undefined,
    rawAck: undefined,
    handshake: LATENCY,
    lag: LATENCY,
  },
  histograms: new Recorder(0).histograms,
  lookupMs: undefined,
  timeline: [],
  stages: [],
  aborted: undefined,
  unsent: { disconnected: 0, blocked: 0 },
  churned: 0,
  busyCores: 0.25,
  waitingCores: 0.05,
  workers: 1,
  server: undefined,
};

/** The answers of a server that acked every message. */
export const ACKS = {
  acked: 10,
  refused: 0,
  unanswered: 0,
  unknown: 0,
  unreached: 0,
  unreachedNames: [],
  errors: new Map(),
  gaps: new Map(),
};

/** A complete history. */
export const HISTORY = {
  found: 10,
  unrecorded: 0,
  duplicated: 0,
  reordered: 0,
  corrupt: 0,
  leaked: 0,
  misplaced: 0,
  older: 3,
  unrecordedNames: [],
  reachesBackTo: "e-4",
  failure: undefined,
};

/** A finished run, which measured {@linkcode GOOD}. */
export const FINISHED: FinishedRun = {
  origin: {
    startedAt: "2026-11-26T22:30:12.345Z",
    chorus: "0.1.0",
    deno: "2.9.6",
    system: "linux x86_64",
    cores: 2,
  },
  config: parseFlags(CLIENT_FLAGS, { args: ["--count=3", "--rate=100", "--duration=5s"] }).config,
  given: ["count", "rate", "durationMs"],
  facts: { url: "ws://h/ws", count: 3, elapsedMs: 5040, isInterrupted: false },
  measurement: GOOD,
  baseline: undefined,
};

/** Makes a finished run the baseline of others. */
export function baselineOf(
  { origin, config, measurement }: Pick<FinishedRun, "origin" | "config" | "measurement">,
): Baseline {
  return { origin, config, metrics: metricsOf(measurement) };
}
