import type { LatencySummary } from "../measure/latency.ts";
import type { Measurement } from "../measure/measurement.ts";
import { ackJson, ackLines } from "./ack_lines.ts";
import { type Comparison, comparisonFields, comparisonLines } from "./comparison.ts";
import { historyJson, historyLines } from "./history_lines.ts";
import {
  connectionCounts,
  connectionLines,
  formatMs,
  formatNumber,
  JSON_VERSION,
  type ReportFacts,
} from "./report.ts";
import { serverLines } from "./server_report.ts";
import { stormJson, stormLines } from "./storm_lines.ts";
import { type Verdict, verdictLines } from "./verdict.ts";

/** The latencies that reports show of the server, with their names. */
export const LATENCY_NAMES = [
  ["delivery", "all deliveries"],
  ["raw", "since sending"],
  ["ack", "ack"],
  ["rawAck", "ack since sent"],
  ["first", "first receiver"],
  ["last", "last receiver"],
  ["spread", "first to last"],
  ["handshake", "handshake"],
] as const satisfies readonly (readonly [keyof Measurement["latencies"], string])[];

/** Latencies that are shown only if the server acknowledges messages. */
const ACK_LATENCIES: ReadonlySet<string> = new Set(["ack", "rawAck"]);

/** How a run compares with its baseline; undefined if it has none. */
export interface Compared {
  readonly comparison?: Comparison | undefined;
}

/** The text report of a measured run. The verdict comes first. */
export function measuredTextReport(
  measurement: Measurement,
  verdict: Verdict,
  { comparison, ...facts }: ReportFacts & Compared,
): string {
  const { summary, churned, lookupMs, achievedRate, offeredRate, deliveriesPerSecond } =
    measurement;
  return [
    ...verdictLines(measurement, verdict, facts),
    "",
    `Run of ${(facts.elapsedMs / 1000).toFixed(1)} s at ${facts.url}` +
    (facts.isInterrupted ? ", interrupted" : ""),
    ...connectionLines(summary, facts),
    ...lookupMs === undefined ? [] : [`  name lookup  ${formatMs(lookupMs)} ms`],
    ...churned > 0 ? [`  churned      ${formatNumber(churned)}, disconnected and reconnected`] : [],
    "Delivery",
    ...countLines(measurement),
    ...ackLines(measurement),
    ...historyLines(measurement),
    ...stormLines(measurement),
    ...slowLines(measurement),
    "Rate, per second",
    `  messages     ${formatNumber(achievedRate)} of ${formatNumber(offeredRate)}`,
    `  deliveries   ${formatNumber(deliveriesPerSecond)}`,
    ...stageLines(measurement),
    latencyHeading("Latency, ms"),
    ...LATENCY_NAMES.filter(([key]) => measurement.acks || !ACK_LATENCIES.has(key))
      .map(([key, name]) => latencyLine(name, measurement.latencies[key])),
    ...clientLines(measurement),
    ...serverLines(measurement.server),
    ...comparison ? comparisonLines(comparison) : [],
  ].join("\n");
}

/** The JSON report of a measured run: one object, with the fields of `jsonReport()` and more. */
export function measuredJsonReport(
  measurement: Measurement,
  verdict: Verdict,
  { comparison, ...facts }: ReportFacts & Compared,
): string {
  const { summary, ledger, slow, churned, unsent, busyCores, waitingCores, workers } = measurement;
  const { delivery, lag, slip, ...latencies } = measurement.latencies;
  return JSON.stringify({
    version: JSON_VERSION,
    url: facts.url,
    elapsedMs: Math.round(facts.elapsedMs),
    interrupted: facts.isInterrupted,
    delivered: verdict.isDelivered,
    passed: verdict.isPassed,
    aborted: measurement.aborted,
    clientLimits: verdict.clientLimits,
    gates: verdict.gates.map(({ gate, value, baseline, isPassed }) => ({
      gate: gate.text,
      value: value ?? null,
      baseline: baseline ?? null,
      passed: isPassed,
    })),
    connections: { ...connectionCounts(summary, facts), churned },
    messages: { sent: summary.sent, received: summary.received, unsent },
    delivery: ledger,
    faults: measurement.faults,
    uncompared: measurement.uncompared,
    unrecognized: measurement.unrecognized,
    acks: ackJson(measurement),
    history: historyJson(measurement),
    storm: stormJson(measurement),
    slow: {
      count: slow.count,
      closeCodes: Object.fromEntries(slow.closeCodes),
      delivery: slow.ledger,
    },
    rates: {
      offeredRate: measurement.offeredRate,
      achievedRate: measurement.achievedRate,
      deliveriesPerSecond: measurement.deliveriesPerSecond,
    },
    stages: measurement.stages.map(({ latency, ...stage }) => ({ ...stage, latencyMs: latency })),
    latencyMs: { delivery, ...latencies, lookup: measurement.lookupMs },
    client: { slipMs: slip, lagMs: lag, busyCores, waitingCores, workers },
    server: measurement.server,
    comparison: comparison && comparisonFields(comparison),
  }, (_key, value) => value === undefined ? null : value);
}

/** The counts of messages and deliveries, aligned at their last digits. */
function countLines(measurement: Measurement): readonly string[] {
  const { summary: { sent }, ledger, uncompared } = measurement;
  const counts = Object.entries({ sent, ...ledger });
  const width = Math.max(...counts.map(([, count]) => formatNumber(count).length));
  const remarks: Readonly<Record<string, string>> = {
    sent: unsentText(measurement),
    misordered: uncompared ? `; ${formatNumber(uncompared)} came too late to compare` : "",
  };
  return counts.map(([name, count]) => {
    const isChecked = name !== "misordered" || uncompared !== undefined;
    const text = isChecked ? formatNumber(count).padStart(width) : "not checked";
    return `  ${name.padEnd(12)} ${text}${remarks[name] ?? ""}`;
  });
}

function stageLines({ stages }: Measurement): readonly string[] {
  if (stages.length === 0) return [];
  return [
    stageRow("Stages, messages/s", ["seconds", "sent", "deliv./s", "p50, ms", "p99, ms", "lost"]),
    ...stages.map((stage, at) =>
      stageRow(`  ${at + 1}  ${formatNumber(stage.startRate)} to ${formatNumber(stage.rate)}`, [
        stage.seconds.toFixed(1),
        formatNumber(stage.sent),
        formatNumber(stage.deliveriesPerSecond),
        stage.latency ? formatMs(stage.latency.p50) : "none",
        stage.latency ? formatMs(stage.latency.p99) : "none",
        formatNumber(stage.lost),
      ])
    ),
  ];
}

function stageRow(name: string, values: readonly string[]): string {
  return name.padEnd(20) + values.map((value) => value.padStart(10)).join("");
}

function unsentText({ unsent: { disconnected, blocked }, acks }: Measurement): string {
  return (disconnected > 0
    ? `; ${formatNumber(disconnected)} not sent because no sender was connected`
    : "") +
    (blocked > 0
      ? `; ${formatNumber(blocked)} not sent because the server did not ${acks ? "answer" : "read"}`
      : "");
}

function slowLines({ slow: { count, closeCodes, ledger } }: Measurement): readonly string[] {
  if (count === 0) return [];
  const closes = [...closeCodes].map(([code, count]) => `${formatNumber(count)} × ${code}`).join(
    ", ",
  );
  return [
    "Slow readers",
    `  readers      ${formatNumber(count)}`,
    `  closed       ${closes ? `${closes}, by the server` : "none"}`,
    `  delivered    ${formatNumber(ledger.delivered)}`,
    `  lost         ${formatNumber(ledger.lost)}, not counting closed connections`,
  ];
}

function clientLines(
  { latencies, busyCores, waitingCores, workers }: Measurement,
): readonly string[] {
  const threads = `with ${workers} ${workers === 1 ? "thread" : "threads"}`;
  return [
    latencyHeading("This client, ms"),
    latencyLine("send delay", latencies.slip),
    latencyLine("event loop lag", latencies.lag),
    busyCores === undefined
      ? `  busy         not measured ${threads}`
      : `  busy         ${busyCores.toFixed(2)} cores ${threads}, ` +
        `${waitingCores.toFixed(2)} of them waiting`,
  ];
}

function latencyHeading(heading: string): string {
  return cells(heading, ["p50", "p90", "p99", "p99.9", "max"]);
}

function latencyLine(name: string, latency: LatencySummary | undefined): string {
  if (!latency) return `  ${name.padEnd(NAME_WIDTH - 2)} none`;
  const { p50, p90, p99, "p99.9": p999, max } = latency;
  return cells(`  ${name}`, [p50, p90, p99, p999, max].map(formatMs));
}

const NAME_WIDTH = 16;

function cells(name: string, values: readonly string[]): string {
  return name.padEnd(NAME_WIDTH) + values.map((value) => value.padStart(10)).join("");
}
