/** The metrics that a gate can limit. Latencies are in milliseconds. */
export const GATE_METRICS = [
  "lost",
  "duplicated",
  "reordered",
  "misordered",
  "corrupt",
  "leaked",
  "echoed",
  "refused",
  "unanswered",
  "unreached",
  "missed",
  "unrecorded",
  "failed",
  "p50",
  "p90",
  "p99",
  "p99.9",
  "max",
  "rate",
  "deliveries",
] as const;

/** The name of a metric. */
export type GateMetric = typeof GATE_METRICS[number];

const COMPARISONS = {
  "<": (value: number, limit: number) => value < limit,
  "<=": (value: number, limit: number) => value <= limit,
  "=": (value: number, limit: number) => value === limit,
  ">=": (value: number, limit: number) => value >= limit,
  ">": (value: number, limit: number) => value > limit,
};

/** A limit on a metric of a run, such as `p99<250ms` or `lost=0`. */
export interface Gate {
  /** The gate as the user wrote it. */
  readonly text: string;
  readonly metric: GateMetric;
  readonly comparison: keyof typeof COMPARISONS;
  /** In milliseconds if the metric is a latency. */
  readonly limit: number;
}

/** A gate, and whether the run passed it. */
export interface GateResult {
  readonly gate: Gate;
  /** undefined if nothing was measured. Then the gate fails. */
  readonly value: number | undefined;
  readonly isPassed: boolean;
}

const MS_BY_UNIT: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

/** Parses a gate. @returns undefined if the text is not a gate. */
export function parseGate(text: string): Gate | undefined {
  const match = text.match(
    /^\s*([a-z0-9.]+)\s*(<=|>=|<|>|=)\s*([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s)?\s*$/,
  );
  if (!match) return undefined;
  const metric = GATE_METRICS.find((each) => each === match[1]);
  const unit = match[4];
  const isLatency = metric !== undefined && /^(p|max)/.test(metric);
  // A latency needs a unit, and any other metric must not have one.
  if (!metric || isLatency !== (unit !== undefined)) return undefined;
  return {
    text: text.trim(),
    metric,
    comparison: match[2] as Gate["comparison"],
    limit: Number(match[3]) * (unit === undefined ? 1 : MS_BY_UNIT[unit]!),
  };
}

/** Parses gates separated by commas. @returns undefined if one of them is not a gate. */
export function parseGates(text: string): readonly Gate[] | undefined {
  const gates = text.split(",").map(parseGate);
  return gates.some((gate) => gate === undefined) ? undefined : gates as Gate[];
}

/** Compares the measured values with a gate. */
export function judgeGate(
  gate: Gate,
  measured: Readonly<Partial<Record<GateMetric, number>>>,
): GateResult {
  const value = measured[gate.metric];
  return {
    gate,
    value,
    isPassed: value !== undefined && COMPARISONS[gate.comparison](value, gate.limit),
  };
}
