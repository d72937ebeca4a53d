import type { LatencySummary } from "../measure/latency.ts";
import type { Measurement } from "../measure/measurement.ts";
import { ackJson, ackLines } from "./ack_lines.ts";
import { historyJson, historyLines } from "./history_lines.ts";
import {
  connectionCounts,
  connectionLines,
  formatNumber,
  JSON_VERSION,
  type ReportFacts,
} from "./report.ts";
import { serverLines } from "./server_report.ts";
import { stormJson, stormLines } from "./storm_lines.ts";
import { type Verdict, verdictLines } from "./verdict.ts";

/** The text report of a measured run. The verdict comes first. */
export function measuredTextReport(
  measurement: Measurement,
  verdict: Verdict,
  facts: ReportFacts,
): string {
  const { ledger, summary, churned, lookupMs, achievedRate, offeredRate, deliveriesPerSecond } =
    measurement;
  const { delivery, raw, ack, rawAck, first, last, spread, handshake } = measurement.latencies;
  return [
    ...verdictLines(measurement, verdict, facts),
    "",
    `Run of ${(facts.elapsedMs / 1000).toFixed(1)} s at ${facts.url}` +
    (facts.isInterrupted ? ", interrupted" : ""),
    ...connectionLines(summary, facts),
    ...lookupMs === undefined ? [] : [`  name lookup  ${lookupMs.toFixed(2)} ms`],
    ...churned > 0 ? [`  churned      ${churned}, disconnected and reconnected`] : [],
    "Delivery",
    `  sent         ${summary.sent}${unsentText(measurement)}`,
    ...Object.entries(ledger).map(([name, count]) =>
      `  ${name.padEnd(12)} ${name === "misordered" ? misorderedText(measurement) : count}`
    ),
    ...ackLines(measurement),
    ...historyLines(measurement),
    ...stormLines(measurement),
    ...slowLines(measurement),
    "Rate, per second",
    `  messages     ${formatNumber(achievedRate)} of ${formatNumber(offeredRate)}`,
    `  deliveries   ${formatNumber(deliveriesPerSecond)}`,
    ...stageLines(measurement),
    latencyHeading("Latency, ms"),
    latencyLine("all deliveries", delivery),
    latencyLine("since sending", raw),
    ...measurement.acks ? [latencyLine("ack", ack), latencyLine("ack since sent", rawAck)] : [],
    latencyLine("first receiver", first),
    latencyLine("last receiver", last),
    latencyLine("first to last", spread),
    latencyLine("handshake", handshake),
    ...clientLines(measurement),
    ...serverLines(measurement.server),
  ].join("\n");
}

/** The JSON report of a measured run: one object, with the fields of `jsonReport()` and more. */
export function measuredJsonReport(
  measurement: Measurement,
  verdict: Verdict,
  facts: ReportFacts,
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
    gates: verdict.gates.map(({ gate, value, isPassed }) => ({
      gate: gate.text,
      value: value ?? null,
      passed: isPassed,
    })),
    connections: { ...connectionCounts(summary, facts), churned },
    messages: { sent: summary.sent, received: summary.received, unsent },
    delivery: ledger,
    faults: measurement.faults,
    uncompared: measurement.uncompared,
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
  }, (_key, value) => value === undefined ? null : value);
}

function stageLines({ stages }: Measurement): readonly string[] {
  if (stages.length === 0) return [];
  return [
    stageRow("Stages, messages/s", ["seconds", "sent", "deliv./s", "p50, ms", "p99, ms", "lost"]),
    ...stages.map((stage, at) =>
      stageRow(`  ${at + 1}  ${stage.startRate} to ${stage.rate}`, [
        stage.seconds.toFixed(1),
        String(stage.sent),
        formatNumber(stage.deliveriesPerSecond),
        stage.latency?.p50.toFixed(2) ?? "none",
        stage.latency?.p99.toFixed(2) ?? "none",
        String(stage.lost),
      ])
    ),
  ];
}

function stageRow(name: string, values: readonly string[]): string {
  return name.padEnd(20) + values.map((value) => value.padStart(10)).join("");
}

function unsentText({ unsent: { disconnected, blocked }, acks }: Measurement): string {
  return (disconnected > 0 ? `; ${disconnected} not sent because no sender was connected` : "") +
    (blocked > 0
      ? `; ${blocked} not sent because the server did not ${acks ? "answer" : "read"}`
      : "");
}

function misorderedText({ ledger: { misordered }, uncompared }: Measurement): string {
  if (uncompared === undefined) return "not checked";
  return `${misordered}${uncompared > 0 ? `; ${uncompared} came too late to compare` : ""}`;
}

function slowLines({ slow: { count, closeCodes, ledger } }: Measurement): readonly string[] {
  if (count === 0) return [];
  const closes = [...closeCodes].map(([code, count]) => `${count} × ${code}`).join(", ");
  return [
    "Slow readers",
    `  readers      ${count}`,
    `  closed       ${closes ? `${closes}, by the server` : "none"}`,
    `  delivered    ${ledger.delivered}`,
    `  lost         ${ledger.lost}, not counting closed connections`,
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
  return cells(`  ${name}`, [p50, p90, p99, p999, max].map((ms) => ms.toFixed(2)));
}

const NAME_WIDTH = 16;

function cells(name: string, values: readonly string[]): string {
  return name.padEnd(NAME_WIDTH) + values.map((value) => value.padStart(9)).join("");
}
