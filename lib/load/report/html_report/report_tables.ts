import { formatDurationMs } from "../../../cli/flags/duration.ts";
import { flagName } from "../../../cli/flags/flag.ts";
import { CLIENT_FLAGS, type ClientConfig } from "../../config.ts";
import { askedText, isMeasuredBy } from "../asked.ts";
import { type Comparison, formatChange, formatValueOf, metricTitle } from "../comparison.ts";
import type { GateMetric, GateResult } from "../gate.ts";
import { capitalized, type Cell, mark, type Table } from "./table.ts";
import { LATENCY_NAMES } from "../measured_report.ts";
import { formatMetric, metricsOf } from "../metric.ts";
import { formatMs, formatNumber } from "../report.ts";
import { SERVER_FIGURES } from "../server_report.ts";
import type { Measurement } from "../../measure/measurement.ts";
import type { ServerSummary } from "../../measure/server_metrics.ts";
import type { StormSummary } from "../../measure/storm_summary.ts";
import type { FinishedRun } from "../saved_run/saved_run.ts";

/** The gates, those that failed first. */
export function gateTable(gates: readonly GateResult[]): Table {
  const sorted = gates.toSorted((one, other) => Number(one.isPassed) - Number(other.isPassed));
  return {
    caption: "Gates",
    head: ["Gate", "Result", "Measured", "Limit"],
    rows: sorted.map((result) => [
      { text: result.gate.text, is: "code" },
      result.isPassed ? { text: "passed", is: "good" } : { text: "FAILED", is: "bad" },
      result.value === undefined ? "not measured" : formatMetric(result.gate.metric, result.value),
      limitText(result),
    ]),
  };
}

function limitText({ gate, baseline }: GateResult): string {
  const { metric, comparison, limit, isRelative } = gate;
  const sign = comparison.replace("<=", "≤").replace(">=", "≥");
  if (!isRelative) return `${sign} ${formatMetric(metric, limit)}`;
  return baseline === undefined
    ? "not measured in the baseline"
    : `${sign} ${limit} × ${formatMetric(metric, baseline)}`;
}

/** The flags that have rows with titles of their own. */
const TITLED: ReadonlySet<string> = new Set([
  ...["url", "count", "senders", "rate", "durationMs", "warmupMs", "size"],
]);

/** What the run was asked for, and what came of it. */
export function askedTable(
  { config, given, facts, measurement }: FinishedRun,
  gates: readonly GateResult[],
): Table {
  const { summary, ledger, acks, storm, history, slow, churned } = measurement;
  const { offeredRate, achievedRate, busyCores, workers } = measurement;
  const metrics = metricsOf(measurement);
  const gatesOf = (metric: GateMetric) =>
    gates.filter(({ gate }) => gate.metric === metric).map(({ gate }) => gate.text);
  const metricRow = (title: string, metric: GateMetric): Cell[] => [
    title,
    gatesOf(metric).join(", ") || "–",
    formatValueOf(metric, metrics[metric]),
  ];
  const { delivered, lost, echoed: _echoed, foreign: _foreign, ...faults } = ledger;
  /** What came of other flags. */
  const cameOf: Readonly<Record<string, string>> = {
    slow: `${formatNumber(slow.count)} slow readers, ${formatNumber(slow.ledger.lost)} lost`,
    churn: `${formatNumber(churned)} reconnected`,
    ...storm && { storm: stormText(storm) },
  };
  const seconds = (facts.elapsedMs / 1000).toFixed(1);
  return {
    caption: "Asked and measured",
    head: ["Figure", "Asked", "Measured"],
    rows: [
      [
        "Users connected",
        formatNumber(config.count),
        mark(formatNumber(summary.opened), summary.opened === config.count),
      ],
      ...config.senders > 0 ? [["Senders", formatNumber(config.senders), "–"]] : [],
      ["Failed connections", "0", mark(formatNumber(summary.failed), summary.failed === 0)],
      ["Lost connections", "0", mark(formatNumber(summary.lost), summary.lost === 0)],
      // Stages without --rate have no warm-up.
      ...config.stage.length > 0 && config.rate === 0
        ? []
        : [["Warm-up", spaced(formatDurationMs(config.warmupMs)), "–"]],
      [
        "Duration",
        durationText(config),
        `${seconds} s in total${facts.isInterrupted ? ", interrupted" : ""}`,
      ],
      ["Message length, bytes", `at least ${formatNumber(config.size)}`, "–"],
      ...given.filter((key) => isMeasuredBy(key) && !TITLED.has(key)).map((key): Cell[] => [
        flagName(key, CLIENT_FLAGS[key as keyof typeof CLIENT_FLAGS]),
        askedText(config, key),
        cameOf[key] ?? "–",
      ]),
      ["Messages per second", formatNumber(offeredRate), formatNumber(achievedRate)],
      ["Messages", "–", formatNumber(summary.sent)],
      ["Deliveries", formatNumber(delivered + lost), mark(formatNumber(delivered), lost === 0)],
      ...Object.entries({ lost, ...faults }).map(([name, count]): Cell[] => [
        capitalized(name),
        "0",
        name === "misordered" && measurement.uncompared === undefined
          ? "not checked"
          : mark(formatNumber(count), count === 0),
      ]),
      ...Object.entries({
        ...acks && { refused: acks.refused, unanswered: acks.unanswered },
        ...acks?.unreached === undefined
          ? {}
          : { "unknown acks": acks.unknown, unreached: acks.unreached },
        ...history && history.failure === undefined && { unrecorded: history.unrecorded },
      }).map(([name, count]): Cell[] => [
        capitalized(name),
        "0",
        mark(formatNumber(count), count === 0),
      ]),
      ...history?.failure === undefined
        ? []
        : [["Unrecorded", "0", mark("history not read", false)]],
      ...storm && !storm.isResumed
        ? [["Missed over the break", "–", formatNumber(storm.missed)]]
        : [],
      metricRow("Deliveries per second", "deliveries"),
      metricRow("Latency p50, ms", "p50"),
      metricRow("Latency p99, ms", "p99"),
      metricRow("Latency max, ms", "max"),
      [
        "CPU of this client",
        workers === 1 ? "1 thread" : `${workers} threads`,
        busyCores === undefined ? "not measured" : `${busyCores.toFixed(2)} cores`,
      ],
    ],
  };
}

function stormText({ cut, back, backMs: { all } }: StormSummary): string {
  const count = `${formatNumber(back)} of ${formatNumber(cut)} back`;
  return all === undefined ? count : `${count} after ${(all / 1000).toFixed(1)} s`;
}

/** The latencies that a run measured. */
export function latencyTable({ measurement: { latencies } }: FinishedRun): Table {
  const columns = ["p50", "p90", "p99", "p99.9", "max"] as const;
  return {
    caption: "Latencies in milliseconds",
    head: ["Latency, ms", ...columns],
    rows: LATENCY_NAMES.flatMap(([key, name]) => {
      const latency = latencies[key];
      if (!latency) return [];
      return [[capitalized(name), ...columns.map((column) => formatMs(latency[column]))]];
    }),
  };
}

/** What happened in each stage. */
export function stageTable(stages: Measurement["stages"]): Table {
  return {
    caption: "Stages",
    head: ["Stage", "Messages/s", "Seconds", "Sent", "Deliveries/s", "p50, ms", "p99, ms", "Lost"],
    rows: stages.map((stage, at) => [
      `${at + 1}`,
      `${formatNumber(stage.startRate)} to ${formatNumber(stage.rate)}`,
      stage.seconds.toFixed(1),
      formatNumber(stage.sent),
      formatNumber(stage.deliveriesPerSecond),
      stage.latency ? formatMs(stage.latency.p50) : "none",
      stage.latency ? formatMs(stage.latency.p99) : "none",
      mark(formatNumber(stage.lost), stage.lost === 0),
    ]),
  };
}

/** The server's own figures. */
export function serverTable(server: ServerSummary): Table {
  return {
    caption: "The server's own figures",
    head: ["Server", "Mean", "Max"],
    rows: SERVER_FIGURES.map(([key, name, format]) => {
      const figure = server[key];
      if (!figure) return [capitalized(name), "not measured", ""];
      return [capitalized(name), format(figure.mean), format(figure.max)];
    }),
  };
}

/** How the run compares with its baseline. */
export function comparisonTable({ changes }: Comparison): Table {
  return {
    caption: "Compared with the baseline",
    head: ["Metric", "This run", "Baseline", "Change", "Verdict"],
    rows: changes.map((change) => {
      const { metric, value, baseline, judgement } = change;
      return [
        capitalized(metricTitle(metric)),
        formatValueOf(metric, value),
        formatValueOf(metric, baseline),
        formatChange(change),
        judgement ? { text: judgement, is: judgement === "better" ? "good" : "bad" } : "",
      ];
    }),
  };
}

function durationText({ stage, durationMs }: ClientConfig): string {
  if (stage.length > 0) return "all stages";
  return durationMs === 0 ? "until Ctrl-C" : spaced(formatDurationMs(durationMs));
}

/** Puts a space between a number and its unit. */
function spaced(duration: string): string {
  return duration.replace(/(\d)([a-z]+)$/, "$1 $2");
}
