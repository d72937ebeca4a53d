import { LatencyHistogram, type LatencySummary, LONGEST_US } from "../../measure/latency.ts";
import { type LedgerCounts, NO_COUNTS } from "../../measure/ledger/delivery_counts.ts";
import type { GapCounts } from "../../measure/acks.ts";
import type { StageResult } from "../../measure/stage_results.ts";
import type {
  Aborted,
  AckReport,
  HistoryReport,
  Measurement,
  SlowReaders,
} from "../../measure/measurement.ts";
import type { RunHistograms, RunLatencies, TimelinePoint } from "../../measure/recorder.ts";
import type { StormSummary, StormTimes } from "../../measure/storm_summary.ts";
import { Summary, type SummaryCounts } from "../../measure/summary.ts";
import type { Fault } from "../../measure/ledger/fault_log.ts";
import type { ServerFigures, ServerSummary } from "../../measure/server_metrics.ts";
import { parseGate } from "../gate.ts";
import * as json from "./json_shape.ts";

const GATE: json.Reader<string> = (value, path) => {
  const gate = json.text(value, path);
  if (!parseGate(gate)) throw new json.ShapeError(path, value, "a gate");
  return gate;
};

const COUNTS = json.object<LedgerCounts>(
  Object.fromEntries(Object.keys(NO_COUNTS).map((key) => [key, json.count])) as Record<
    keyof LedgerCounts,
    json.Reader<number>
  >,
);

const LATENCY = json.object<LatencySummary>({
  count: json.count,
  p50: json.number,
  p90: json.number,
  p99: json.number,
  "p99.9": json.number,
  max: json.number,
});

const SUMMARY_COUNTS = json.object<SummaryCounts>({
  opened: json.count,
  sent: json.count,
  received: json.count,
  reconnected: json.count,
  failures: json.map(json.text, json.count),
  losses: json.map(json.text, json.count),
  closeCodes: json.map(json.count, json.count),
});

const SUMMARY: json.Reader<Summary> = (value, path) => {
  const summary = new Summary();
  summary.add(SUMMARY_COUNTS(value, path));
  return summary;
};

const LATENCY_US: json.Reader<number> = (value, path) => {
  const us = json.count(value, path);
  if (us > LONGEST_US) throw new json.ShapeError(path, value, `at most ${LONGEST_US}`);
  return us;
};
const FAULT = json.object<Fault>({
  kind: json.oneOf("corrupt", "duplicated", "leaked", "lost", "misordered", "reordered"),
  text: json.text,
});

const FIGURE = json.object<{ readonly mean: number; readonly max: number }>({
  mean: json.number,
  max: json.number,
});

const PAIRS = json.list(json.pair(LATENCY_US, json.count));
const HISTOGRAM: json.Reader<LatencyHistogram> = (value, path) =>
  LatencyHistogram.fromPairs(PAIRS(value, path));

const STORM_TIMES = json.object<StormTimes>({
  half: json.optional(json.number),
  p99: json.optional(json.number),
  all: json.optional(json.number),
});

const POINT = json.object<TimelinePoint>({
  seconds: json.number,
  phase: json.oneOf("connecting", "warm-up", "steady", "draining"),
  phaseSeconds: json.number,
  connections: json.count,
  sentPerSecond: json.number,
  deliveriesPerSecond: json.number,
  p50: json.optional(json.number),
  p99: json.optional(json.number),
  p99SoFar: json.optional(json.number),
  missing: json.count,
  busyCores: json.number,
  stage: json.optional(json.count),
  server: json.optional(json.object<ServerFigures>({
    cpuCores: json.optional(json.number),
    memoryBytes: json.optional(json.number),
    lagMs: json.optional(json.number),
  })),
});

/**
 * Reads the measurement of a saved run.
 *
 * A field that is added after version 1 must be optional, so that older runs can be read.
 */
export const MEASUREMENT = json.object<Measurement>({
  summary: SUMMARY,
  ledger: COUNTS,
  faults: json.list(FAULT),
  uncompared: json.optional(json.count),
  unrecognized: json.optional(json.count),
  acks: json.optional(json.object<AckReport>({
    acked: json.count,
    refused: json.count,
    unanswered: json.count,
    unknown: json.count,
    errors: json.map(json.text, json.count),
    gaps: json.map(
      json.text,
      json.object<GapCounts>({ count: json.count, missed: json.count }),
    ),
    unreached: json.optional(json.count),
    unreachedNames: json.list(json.text),
  })),
  history: json.optional(json.object<HistoryReport>({
    found: json.count,
    unrecorded: json.count,
    unrecordedNames: json.list(json.text),
    duplicated: json.count,
    reordered: json.count,
    corrupt: json.count,
    leaked: json.count,
    misplaced: json.count,
    older: json.count,
    reachesBackTo: json.optional(json.text),
    failure: json.optional(json.text),
  })),
  storm: json.optional(json.object<StormSummary>({
    cut: json.count,
    back: json.count,
    upToDate: json.count,
    isResumed: json.boolean,
    lost: json.count,
    missed: json.count,
    duplicated: json.count,
    cutOff: json.count,
    publishedAgain: json.count,
    failures: json.map(json.text, json.count),
    backMs: STORM_TIMES,
    upToDateMs: STORM_TIMES,
    connectsPerSecond: json.object<StormSummary["connectsPerSecond"]>({
      peak: json.number,
      mean: json.number,
    }),
  })),
  slow: json.object<SlowReaders>({
    count: json.count,
    closeCodes: json.map(json.count, json.count),
    ledger: COUNTS,
  }),
  offeredRate: json.number,
  achievedRate: json.number,
  deliveriesPerSecond: json.number,
  latencies: json.object<RunLatencies>({
    delivery: json.optional(LATENCY),
    raw: json.optional(LATENCY),
    ack: json.optional(LATENCY),
    rawAck: json.optional(LATENCY),
    first: json.optional(LATENCY),
    last: json.optional(LATENCY),
    spread: json.optional(LATENCY),
    slip: json.optional(LATENCY),
    handshake: json.optional(LATENCY),
    lag: json.optional(LATENCY),
  }),
  histograms: json.object<RunHistograms>({
    delivery: HISTOGRAM,
    raw: HISTOGRAM,
    ack: HISTOGRAM,
    rawAck: HISTOGRAM,
    first: HISTOGRAM,
    last: HISTOGRAM,
    spread: HISTOGRAM,
    slip: HISTOGRAM,
    handshake: HISTOGRAM,
    lag: HISTOGRAM,
  }),
  lookupMs: json.optional(json.number),
  timeline: json.list(POINT),
  stages: json.list(json.object<StageResult>({
    startRate: json.number,
    rate: json.number,
    seconds: json.number,
    sent: json.count,
    achievedRate: json.number,
    deliveriesPerSecond: json.number,
    latency: json.optional(LATENCY),
    lost: json.number,
  })),
  aborted: json.optional(
    json.object<Aborted>({ gate: GATE, value: json.number, steadySeconds: json.number }),
  ),
  unsent: json.object<Measurement["unsent"]>({ disconnected: json.count, blocked: json.count }),
  churned: json.count,
  busyCores: json.optional(json.number),
  waitingCores: json.number,
  workers: json.count,
  server: json.optional(json.object<ServerSummary>({
    cpuCores: json.optional(FIGURE),
    memoryBytes: json.optional(FIGURE),
    lagMs: json.optional(FIGURE),
  })),
});
