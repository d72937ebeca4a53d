import type { Measurement } from "../measure/measurement.ts";
import { type GateMetric, isLatency, type MetricValues } from "./gate.ts";
import { formatMs, formatNumber } from "./report.ts";

/** The values of all metrics of a run. */
export function metricsOf(measurement: Measurement): MetricValues {
  const { ledger, uncompared, summary, acks, history, storm, latencies } = measurement;
  const { failed } = summary;
  // If nothing was sent, a count of 0 proves nothing.
  if (summary.sent === 0) return { failed };
  const { count: _, ...latency } = latencies.delivery ?? { count: 0 };
  const { misordered, ...counts } = ledger;
  return {
    ...counts,
    ...uncompared === undefined ? {} : { misordered },
    ...acks && { refused: acks.refused, unanswered: acks.unanswered },
    ...acks?.unreached === undefined ? {} : { unreached: acks.unreached },
    ...storm && { missed: storm.missed },
    ...history && history.failure === undefined && { unrecorded: history.unrecorded },
    ...latency,
    failed,
    rate: measurement.achievedRate,
    deliveries: measurement.deliveriesPerSecond,
  };
}

/** Formats the value of a metric, with its unit. */
export function formatMetric(metric: GateMetric, value: number): string {
  return isLatency(metric) ? `${formatMs(value)} ms` : formatNumber(value);
}

/** Whether lower values of a metric are better than higher ones; undefined if neither is. */
export function isLowerBetter(metric: GateMetric): boolean | undefined {
  // How many deliveries there are depends on what was asked for.
  if (metric === "delivered" || metric === "echoed" || metric === "foreign") return undefined;
  return metric !== "rate" && metric !== "deliveries";
}
