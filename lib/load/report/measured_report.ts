import { formatNumber } from "./format_number.ts";
import type { LatencySummary } from "../measure/latency.ts";
import type { Measurement } from "../measured_run.ts";
import { connectionCounts, connectionLines, type RunFacts } from "./report.ts";
import type { Verdict } from "./verdict.ts";

/** A report of a measured run to read: the verdict first. */
export function measuredTextReport(
  measurement: Measurement,
  verdict: Verdict,
  facts: RunFacts,
): string {
  const { ledger, summary, churned, achievedRate, offeredRate, deliveriesPerSecond } = measurement;
  const { delivery, raw, first, last, spread, handshake } = measurement.latencies;
  return [
    ...verdictLines(measurement, verdict, facts),
    "",
    `Run of ${(facts.elapsedMs / 1000).toFixed(1)} s at ${facts.url}` +
    (facts.isInterrupted ? ", stopped by the user" : ""),
    ...connectionLines(summary, facts),
    ...churned > 0 ? [`  came again   ${churned}, as --churn has it`] : [],
    "Delivery",
    `  sent         ${summary.sent}${unsentText(measurement)}`,
    ...Object.entries(ledger).map(([what, count]) => `  ${what.padEnd(12)} ${count}`),
    ...slowLines(measurement),
    "Rate, per second",
    `  messages     ${formatNumber(achievedRate)} of ${formatNumber(offeredRate)}`,
    `  deliveries   ${formatNumber(deliveriesPerSecond)}`,
    latencyHeading("Latency, ms"),
    latencyLine("to everybody", delivery),
    latencyLine("since sent", raw),
    latencyLine("to the first", first),
    latencyLine("to the last", last),
    latencyLine("first to last", spread),
    latencyLine("handshake", handshake),
    ...clientLines(measurement),
  ].join("\n");
}

/** What a run comes to, in lines: whether all was delivered, whether the client was the limit, and each gate. */
export function verdictLines(
  measurement: Measurement,
  verdict: Verdict,
  { count }: RunFacts,
): readonly string[] {
  const { opened } = measurement.summary;
  return [
    deliveryVerdict(measurement, verdict),
    ...opened < count ? [`${count - opened} of ${count} users did not get in`] : [],
    ...verdict.clientLimits.map((limit) => `The client may have been the limit: ${limit}`),
    ...verdict.gates.map(({ gate, value, isPassed }) =>
      `  ${isPassed ? "passed" : "FAILED"}  ${gate.text}  (${
        value === undefined ? "not measured" : formatNumber(value)
      })`
    ),
  ];
}

/** A report of a measured run for programs: one JSON object, the fields of which are those of a friendly run and more. */
export function measuredJsonReport(
  measurement: Measurement,
  verdict: Verdict,
  facts: RunFacts,
): string {
  const { summary, ledger, slow, churned, unsent, busyCores, workers } = measurement;
  const { delivery, lag, slip, ...latencies } = measurement.latencies;
  return JSON.stringify({
    version: 1,
    url: facts.url,
    elapsedMs: Math.round(facts.elapsedMs),
    interrupted: facts.isInterrupted,
    delivered: verdict.isDelivered,
    passed: verdict.isPassed,
    clientLimits: verdict.clientLimits,
    gates: verdict.gates.map(({ gate, value, isPassed }) => ({
      gate: gate.text,
      value: value ?? null,
      passed: isPassed,
    })),
    connections: { ...connectionCounts(summary, facts), churned },
    messages: { sent: summary.sent, received: summary.received, unsent },
    delivery: ledger,
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
    latencyMs: { delivery, ...latencies },
    client: { slipMs: slip, lagMs: lag, busyCores, workers },
  }, (_key, value) => value === undefined ? null : value);
}

function deliveryVerdict(
  { ledger, summary }: Measurement,
  { isDelivered }: Verdict,
): string {
  const { delivered, lost, duplicated, reordered, corrupt, echoed } = ledger;
  if (summary.sent === 0) return "Nothing was sent";
  const echo = echoed > 0 ? "; this server returns a message to its own sender" : "";
  const stayed = summary.lost > 0
    ? `, at those who stayed: ${summary.lost} lost their connection`
    : "";
  if (isDelivered) {
    return `Every message arrived once and in order${stayed}: ${delivered} deliveries${echo}`;
  }
  if (delivered === 0) return `Nothing arrived of ${summary.sent} messages${stayed}`;
  const faults = Object.entries({ lost, duplicated, reordered, corrupt })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  return `Not every message arrived once and in order${stayed}: ${faults.join(", ")}${echo}`;
}

function unsentText({ unsent: { disconnected, blocked } }: Measurement): string {
  return (disconnected > 0 ? `, ${disconnected} not, as no sender was connected` : "") +
    (blocked > 0 ? `, ${blocked} not, as the server did not read from their senders` : "");
}

function slowLines({ slow: { count, closeCodes, ledger } }: Measurement): readonly string[] {
  if (count === 0) return [];
  const closes = [...closeCodes].map(([code, count]) => `${count} × ${code}`).join(", ");
  return [
    "Slow readers",
    `  readers      ${count}`,
    `  ended        ${closes || "none"}, by the server`,
    `  delivered    ${ledger.delivered}, once they read again`,
    `  lost         ${ledger.lost}, to those whom the server kept`,
  ];
}

function clientLines({ latencies, busyCores, workers }: Measurement): readonly string[] {
  return [
    latencyHeading("This client, ms"),
    latencyLine("sent late", latencies.slip),
    latencyLine("event loop", latencies.lag),
    `  busy         ${
      busyCores === undefined ? "not measured" : `${busyCores.toFixed(2)} cores`
    } with ${workers} ${workers === 1 ? "thread" : "threads"}`,
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
