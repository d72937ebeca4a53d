import { type LedgerCounts, NO_COUNTS } from "../measure/ledger/delivery_counts.ts";

const OTHER_COUNTS = [
  "refused",
  "unanswered",
  "unreached",
  "missed",
  "unrecorded",
  "failed",
] as const;
const LATENCY_METRICS = ["p50", "p90", "p99", "p99.9", "max"] as const;
const RATE_METRICS = ["rate", "deliveries"] as const;

/** The metrics that a gate can limit. Latencies are in milliseconds. */
export const GATE_METRICS = [
  ...Object.keys(NO_COUNTS) as (keyof LedgerCounts)[],
  ...OTHER_COUNTS,
  ...LATENCY_METRICS,
  ...RATE_METRICS,
] as const;

/** The name of a metric. */
export type GateMetric = typeof GATE_METRICS[number];

/** Whether a metric is a latency, in milliseconds. */
export function isLatency(metric: GateMetric): boolean {
  return LATENCY_METRICS.some((each) => each === metric);
}

const COMPARISONS = {
  "<": (value: number, limit: number) => value < limit,
  "<=": (value: number, limit: number) => value <= limit,
  "=": (value: number, limit: number) => value === limit,
  ">=": (value: number, limit: number) => value >= limit,
  ">": (value: number, limit: number) => value > limit,
};

/** A limit on a metric of a run, such as `p99<250ms`, `lost=0`, or `p99<=1.1x`. */
export interface Gate {
  /** The gate as the user wrote it. */
  readonly text: string;
  readonly metric: GateMetric;
  readonly comparison: keyof typeof COMPARISONS;
  /** In milliseconds if the metric is a latency; a factor if the gate is relative. */
  readonly limit: number;
  /** Whether the limit is a multiple of the baseline's value. */
  readonly isRelative: boolean;
}

/** Values of metrics. A metric that was not measured is missing. */
export type MetricValues = Readonly<Partial<Record<GateMetric, number>>>;

/** A gate, and whether the run passed it. */
export interface GateResult {
  readonly gate: Gate;
  /** undefined if nothing was measured. Then the gate fails. */
  readonly value: number | undefined;
  /** The baseline's value. undefined if the gate is not relative, or if the baseline has none. */
  readonly baseline: number | undefined;
  readonly isPassed: boolean;
}

const MS_BY_UNIT: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

/** Parses a gate. @returns undefined if the text is not a gate. */
export function parseGate(text: string): Gate | undefined {
  const match = text.match(
    /^\s*([a-z0-9.]+)\s*(<=|>=|<|>|=)\s*([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|x)?\s*$/,
  );
  if (!match) return undefined;
  const metric = GATE_METRICS.find((each) => each === match[1]);
  if (!metric) return undefined;
  const unit = match[4];
  const isRelative = unit === "x";
  // A latency needs a unit, and any other metric must not have one.
  if (!isRelative && isLatency(metric) !== (unit !== undefined)) return undefined;
  return {
    text: text.trim(),
    metric,
    comparison: match[2] as Gate["comparison"],
    limit: Number(match[3]) * (unit === undefined || isRelative ? 1 : MS_BY_UNIT[unit]!),
    isRelative,
  };
}

/**
 * Parses gates separated by commas, none of which is relative.
 *
 * @returns undefined if one of them is not such a gate.
 */
export function parseGates(text: string): readonly Gate[] | undefined {
  const gates = text.split(",").map(parseGate);
  return gates.some((gate) => gate === undefined || gate.isRelative) ? undefined : gates as Gate[];
}

/** Compares the measured values with a gate; if it is relative, to the values of a baseline. */
export function judgeGate(
  gate: Gate,
  measured: MetricValues,
  baseline: MetricValues = {},
): GateResult {
  const value = measured[gate.metric];
  const base = gate.isRelative ? baseline[gate.metric] : undefined;
  const limit = gate.isRelative ? base === undefined ? undefined : gate.limit * base : gate.limit;
  return {
    gate,
    value,
    baseline: base,
    isPassed: value !== undefined && limit !== undefined &&
      COMPARISONS[gate.comparison](value, limit),
  };
}
