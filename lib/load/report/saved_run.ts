import { errorMessage } from "../../cli/error_message.ts";
import { readFailure } from "../../cli/read_failure.ts";
import { CLIENT_FLAGS, type ClientConfig } from "../config.ts";
import { LatencyHistogram, type LatencySummary, LONGEST_US } from "../measure/latency.ts";
import { type LedgerCounts, NO_COUNTS } from "../measure/ledger.ts";
import type { Measurement, SlowReaders } from "../measure/measurement.ts";
import type { RunHistograms, RunLatencies, TimelinePoint } from "../measure/recorder.ts";
import { Summary, type SummaryCounts } from "../measure/summary.ts";
import type { Asked } from "./asked.ts";
import type { Baseline } from "./comparison.ts";
import { GATE_METRICS, type GateMetric } from "./gate.ts";
import * as json from "./json_shape.ts";
import type { ReportFacts } from "./report.ts";
import type { RunOrigin } from "./run_origin.ts";

/** A measured run that has ended: all that its reports are made from. */
export interface FinishedRun extends Asked {
  readonly origin: RunOrigin;
  readonly facts: ReportFacts;
  readonly measurement: Measurement;
  /** The run that it is compared with. */
  readonly baseline: Baseline | undefined;
}

/** A file is not a saved run that this version can read. */
export class SavedRunError extends Error {
  override readonly name = "SavedRunError";
}

/** Tells a saved run from other JSON files. */
const FORMAT = "chorus load run";

/** Changes when an older client could not read the file any more. */
const VERSION = 1;

/** The text of a file from which {@linkcode readSavedRun} reads the same run. */
export function savedRunText(run: FinishedRun): string {
  return JSON.stringify({ format: FORMAT, version: VERSION, ...run }, (_key, value) => {
    if (value === undefined) return null;
    if (value instanceof LatencyHistogram) return value.pairs;
    return value instanceof Map ? [...value] : value;
  }) + "\n";
}

/**
 * Reads a file of `--save`.
 *
 * @throws {SavedRunError} If the file cannot be read, is damaged, or is not a saved run.
 */
export function readSavedRun(path: string): FinishedRun {
  let text;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    throw new SavedRunError(`Cannot read the run ${path}: ${readFailure(cause)}`, { cause });
  }
  try {
    return parseSavedRun(text);
  } catch (cause) {
    throw new SavedRunError(`Cannot use the run ${path}: ${errorMessage(cause)}`, { cause });
  }
}

/**
 * Reads the text of a saved run.
 *
 * @throws {Error} With the reason, if the text is not a saved run, or is damaged.
 */
export function parseSavedRun(text: string): FinishedRun {
  if (text.trim() === "") throw new Error("it is empty, as after a run that was killed");
  const parsed = parseJson(text);
  const { format, version } = Object(parsed) as Record<string, unknown>;
  if (format !== FORMAT) throw new Error("it was not written by --save");
  if (typeof version === "number" && version > VERSION) {
    throw new Error(`a newer version of Chorus saved it: it has version ${version}`);
  }
  return RUN(parsed, "");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!text.startsWith(`{"format":"${FORMAT}"`)) {
      throw new Error("it was not written by --save", { cause });
    }
    throw new Error(`it is damaged (${errorMessage(cause)})`, { cause });
  }
}

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
  if (us > LONGEST_US) throw new json.ShapeError(path, `at most ${LONGEST_US}`);
  return us;
};
const PAIRS = json.list(json.pair(LATENCY_US, json.count));
const HISTOGRAM: json.Reader<LatencyHistogram> = (value, path) =>
  LatencyHistogram.fromPairs(PAIRS(value, path));

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
});

const MEASUREMENT = json.object<Measurement>({
  summary: SUMMARY,
  ledger: COUNTS,
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
    first: HISTOGRAM,
    last: HISTOGRAM,
    spread: HISTOGRAM,
    slip: HISTOGRAM,
    handshake: HISTOGRAM,
    lag: HISTOGRAM,
  }),
  timeline: json.list(POINT),
  unsent: json.object<Measurement["unsent"]>({ disconnected: json.count, blocked: json.count }),
  churned: json.count,
  busyCores: json.optional(json.number),
  workers: json.count,
});

const ORIGIN = json.object<RunOrigin>({
  startedAt: json.text,
  chorus: json.text,
  deno: json.text,
  system: json.text,
  cores: json.count,
});

/** A flag that the saved run does not have is newer than the run: it has its default. */
const CONFIG = json.object<ClientConfig>(
  Object.fromEntries(
    Object.entries(CLIENT_FLAGS).map(([key, flag]) => [key, valueReader(flag.default)]),
  ) as Record<keyof ClientConfig, json.Reader<never>>,
);

function valueReader(fallback: unknown): json.Reader<unknown> {
  const reader: json.Reader<unknown> = typeof fallback === "number"
    ? json.number
    : typeof fallback === "string"
    ? json.text
    : typeof fallback === "boolean"
    ? json.boolean
    : json.list(json.text);
  return (value, path) => json.optional(reader)(value, path) ?? fallback;
}

const BASELINE = json.object<Baseline>({
  origin: ORIGIN,
  config: CONFIG,
  metrics: json.object<Partial<Record<GateMetric, number>>>(
    Object.fromEntries(
      GATE_METRICS.map((metric) => [metric, json.optional(json.number)]),
    ) as Record<GateMetric, json.Reader<never>>,
  ),
});

const RUN = json.object<FinishedRun>({
  origin: ORIGIN,
  config: CONFIG,
  given: json.list(json.text),
  facts: json.object<ReportFacts>({
    url: json.text,
    count: json.count,
    elapsedMs: json.number,
    isInterrupted: json.boolean,
  }),
  measurement: MEASUREMENT,
  baseline: json.optional(BASELINE),
});
