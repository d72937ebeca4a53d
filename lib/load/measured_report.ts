import type { LatencySummary } from "./latency.ts";
import type { Measurement } from "./measured_run.ts";
import { connectionCounts, connectionLines, type RunFacts } from "./report.ts";
import type { Verdict } from "./verdict.ts";

/** A report of a measured run to read: the verdict first. */
export function measuredTextReport(
  measurement: Measurement,
  verdict: Verdict,
  facts: RunFacts,
): string {
  const { ledger, achievedRate, offeredRate, deliveriesPerSecond, unsent } = measurement;
  return [
    verdictLine(measurement, verdict),
    ...verdict.clientLimits.map((limit) => `The client may have been the limit: ${limit}`),
    ...verdict.gates.map(({ gate, value, isPassed }) =>
      `  ${isPassed ? "passed" : "FAILED"}  ${gate.text}  (${
        value === undefined ? "not measured" : number(value)
      })`
    ),
    "",
    `Run of ${(facts.elapsedMs / 1000).toFixed(1)} s at ${facts.url}` +
    (facts.isInterrupted ? ", stopped by the user" : ""),
    ...connectionLines(measurement.summary, facts),
    "Delivery",
    `  sent         ${ledger.sent}` +
    (unsent > 0 ? `, ${unsent} not, as their senders had lost their connections` : ""),
    `  delivered    ${ledger.delivered}`,
    `  lost         ${ledger.lost}`,
    `  duplicated   ${ledger.duplicated}`,
    `  reordered    ${ledger.reordered}`,
    `  corrupt      ${ledger.corrupt}`,
    `  echoed       ${ledger.echoed}`,
    `  foreign      ${ledger.foreign}`,
    "Rate, per second",
    `  messages     ${number(achievedRate)} of ${offeredRate}`,
    `  deliveries   ${number(deliveriesPerSecond)}`,
    "Latency, ms      p50      p90      p99    p99.9      max",
    latencyLine("delivery", measurement.latency),
    latencyLine("sent late", measurement.slip),
  ].join("\n");
}

/** A report of a measured run for programs: one JSON object, the fields of which are those of a friendly run and more. */
export function measuredJsonReport(
  measurement: Measurement,
  verdict: Verdict,
  facts: RunFacts,
): string {
  const { summary, ledger, latency, slip, ...rates } = measurement;
  return JSON.stringify({
    version: 1,
    url: facts.url,
    elapsedMs: Math.round(facts.elapsedMs),
    interrupted: facts.isInterrupted,
    delivered: verdict.isDelivered,
    clientLimits: verdict.clientLimits,
    gates: verdict.gates.map(({ gate, value, isPassed }) => ({
      gate: gate.text,
      value: value ?? null,
      passed: isPassed,
    })),
    connections: connectionCounts(summary, facts),
    messages: { sent: summary.sent, received: summary.received },
    delivery: ledger,
    rates,
    latencyMs: latency ?? null,
    slipMs: slip ?? null,
  });
}

function verdictLine({ ledger, summary }: Measurement, { isDelivered }: Verdict): string {
  const { sent, delivered, lost, duplicated, reordered, corrupt, echoed } = ledger;
  if (sent === 0) return "Nothing was sent";
  const echo = echoed > 0 ? "; this server returns a message to its own sender" : "";
  const stayed = summary.lost > 0
    ? `, at those who stayed: ${summary.lost} lost their connection`
    : "";
  if (isDelivered) {
    return `Every message arrived once and in order${stayed}: ${delivered} deliveries${echo}`;
  }
  if (delivered === 0) return `Nothing arrived of ${sent} messages${stayed}`;
  const faults = Object.entries({ lost, duplicated, reordered, corrupt })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  return `Not every message arrived once and in order${stayed}: ${faults.join(", ")}${echo}`;
}

function latencyLine(name: string, latency: LatencySummary | undefined): string {
  const values = latency
    ? [latency.p50, latency.p90, latency.p99, latency["p99.9"], latency.max].map((ms) =>
      ms.toFixed(2).padStart(8)
    ).join(" ")
    : "none";
  return `  ${name.padEnd(10)} ${values}`;
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1);
}
