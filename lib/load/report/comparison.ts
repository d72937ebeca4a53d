import type { ClientConfig } from "../config.ts";
import type { Measurement } from "../measure/measurement.ts";
import { askedDifferences } from "./asked.ts";
import { GATE_METRICS, type GateMetric, isLatency, type MetricValues } from "./gate.ts";
import { isLowerBetter, metricsOf } from "./metric.ts";
import { formatMs, formatNumber, formatTime } from "./report.ts";
import type { RunOrigin } from "./run_origin.ts";

/** A run that other runs are compared with. */
export interface Baseline {
  readonly origin: RunOrigin;
  readonly config: ClientConfig;
  readonly metrics: MetricValues;
}

/** A run, compared with a baseline. */
export interface Comparison {
  readonly origin: RunOrigin;
  /** In what the two runs were asked for something else, such as `--rate 500 instead of 400`. */
  readonly askedDifferences: readonly string[];
  readonly changes: readonly Change[];
}

/** How a metric changed since the baseline. */
export interface Change {
  readonly metric: GateMetric;
  /** undefined if the run did not measure it. */
  readonly value: number | undefined;
  /** undefined if the baseline did not measure it. */
  readonly baseline: number | undefined;
  /** `value` divided by `baseline`; undefined if that is impossible. */
  readonly factor: number | undefined;
  /** undefined if the change is small, or if neither direction is better. */
  readonly judgement: "better" | "worse" | undefined;
}

/** Rates and latencies that change by less than this part are called neither better nor worse. */
const SMALL_CHANGE = 0.05;

/** Compares a run with a baseline. */
export function compare(
  measurement: Measurement,
  config: ClientConfig,
  baseline: Baseline,
): Comparison {
  const metrics = metricsOf(measurement);
  return {
    origin: baseline.origin,
    askedDifferences: askedDifferences(config, baseline.config),
    changes: GATE_METRICS.map((metric) =>
      changeOf(metric, metrics[metric], baseline.metrics[metric])
    ).filter(({ value, baseline }) => value !== undefined || baseline !== undefined),
  };
}

/** Compares two values of a metric. */
export function changeOf(
  metric: GateMetric,
  value: number | undefined,
  baseline: number | undefined,
): Change {
  const isBoth = value !== undefined && baseline !== undefined;
  const factor = isBoth && baseline !== 0 ? value / baseline : undefined;
  const isSmall = !isBoth || value === baseline ||
    (!isCount(metric) && factor !== undefined && Math.abs(factor - 1) < SMALL_CHANGE);
  const isLower = isLowerBetter(metric);
  const judgement = isSmall || isLower === undefined
    ? undefined
    : (value < baseline) === isLower
    ? "better"
    : "worse";
  return { metric, value, baseline, factor, judgement };
}

/** Formats a change: a difference of counts; of other metrics a percentage, or a large factor. */
export function formatChange({ metric, value, baseline, factor }: Change): string {
  if (value === undefined || baseline === undefined) return "–";
  if (isCount(metric)) return signed(value - baseline, formatNumber);
  if (factor === undefined) return value === 0 ? "0.0 %" : "–";
  if (factor < 0.5 || factor >= 2) return `${formatNumber(factor)}x`;
  return signed(100 * (factor - 1), (percent) => `${percent.toFixed(1)} %`);
}

/** A metric's name, with the unit of its values. */
export function metricTitle(metric: GateMetric): string {
  if (isLatency(metric)) return `${metric}, ms`;
  return metric === "rate" || metric === "deliveries" ? `${metric}/s` : metric;
}

/** Formats a value of a metric, without its unit. */
export function formatValueOf(metric: GateMetric, value: number | undefined): string {
  if (value === undefined) return "none";
  return isLatency(metric) ? formatMs(value) : formatNumber(value);
}

/** The lines of the text report. */
export function comparisonLines(
  { origin, askedDifferences, changes }: Comparison,
): readonly string[] {
  return [
    `Baseline: run of ${formatTime(origin.startedAt)} with Chorus ${origin.chorus}`,
    ...askedDifferences.length > 0 ? [`  asked for    ${askedDifferences.join(", ")}`] : [],
    cells("  metric", ["this run", "baseline", "change"]),
    ...changes.map((change) => {
      const { metric, value, baseline, judgement } = change;
      const shown = [value, baseline].map((each) => formatValueOf(metric, each));
      return cells(`  ${metricTitle(metric)}`, [...shown, formatChange(change)]) +
        (judgement ? `  ${judgement}` : "");
    }),
  ];
}

/** The field of the JSON report. */
export function comparisonFields({ origin, askedDifferences, changes }: Comparison) {
  return {
    startedAt: origin.startedAt,
    chorus: origin.chorus,
    askedDifferences,
    metrics: Object.fromEntries(changes.map(({ metric, ...change }) => [metric, change])),
  };
}

function isCount(metric: GateMetric): boolean {
  return !isLatency(metric) && metric !== "rate" && metric !== "deliveries";
}

function signed(value: number, format: (value: number) => string): string {
  const text = format(Math.abs(value));
  if (!/[1-9]/.test(text)) return text;
  return `${value < 0 ? "-" : "+"}${text}`;
}

function cells(name: string, values: readonly string[]): string {
  return name.padEnd(16) + values.map((value) => value.padStart(14)).join("");
}
