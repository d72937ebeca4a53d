import type { Aborted, Measurement } from "../measure/measurement.ts";
import { ackFaultLines, areMessagesAcked } from "./ack_lines.ts";
import { type Gate, type GateResult, judgeGate, type MetricValues, parseGate } from "./gate.ts";
import { formatMetric, metricsOf } from "./metric.ts";
import { historyFaultLines, isHistoryComplete } from "./history_lines.ts";
import { formatNumber, type ReportFacts } from "./report.ts";

/** A client that sends less than this part of the offered rate may be the limit. */
const MIN_SENT_PART = 0.98;

/** A client that sends this late, or whose event loop is this late, may be the limit. */
const LATE_MS = 20;

/**
 * A client that keeps its threads busy for more than this part of the time may be the limit. Turns
 * of the event loop in which it only waits do not count: it could work in them.
 */
const MAX_BUSY_PART = 0.9;

/** The result of judging a measured run. */
export interface Verdict {
  /** Whether all messages arrived, once and in order. Echoes do not matter. */
  readonly isDelivered: boolean;
  /**
   * Whether all messages arrived and were acked, all users connected and stayed connected, all
   * gates passed, the run was not aborted, and with `--strict`, the client was not the limit.
   */
  readonly isPassed: boolean;
  /** Why the client may have been the limit instead of the server; empty if it was not. */
  readonly clientLimits: readonly string[];
  readonly gates: readonly GateResult[];
}

/** The demands on a measured run. */
export interface Demands {
  readonly gates: readonly Gate[];
  /** How many users must connect and stay connected. */
  readonly count: number;
  /** Whether the client must not be the limit. */
  readonly isStrict: boolean;
  /** What relative gates are compared with. */
  readonly baseline?: MetricValues | undefined;
}

/** Judges a measured run. */
export function judge(
  measurement: Measurement,
  { gates, count, isStrict, baseline }: Demands,
): Verdict {
  const {
    ledger: { delivered, lost, duplicated, reordered, misordered, corrupt, leaked },
    summary,
  } = measurement;
  const isDelivered = delivered > 0 &&
    lost + duplicated + reordered + misordered + corrupt + leaked === 0;
  const isStored = areMessagesAcked(measurement) && isHistoryComplete(measurement);
  const clientLimits = clientLimitsOf(measurement);
  const results = gates.map((gate) => judgeGate(gate, metricsOf(measurement), baseline));
  return {
    isDelivered,
    isPassed: isDelivered && isStored && !measurement.aborted && summary.isClean(count) &&
      results.every(({ isPassed }) => isPassed) && !(isStrict && clientLimits.length > 0),
    clientLimits,
    gates: results,
  };
}

/** The first lines of a report: delivery, limits of the client, and gates. */
export function verdictLines(
  measurement: Measurement,
  verdict: Verdict,
  { count }: ReportFacts,
): readonly string[] {
  const { summary: { opened }, aborted } = measurement;
  return [
    ...aborted ? [abortedLine(aborted)] : [],
    deliveryLine(measurement, verdict),
    ...measurement.faults.map(({ kind, text }) => `  ${kind}: ${text}`),
    ...ackFaultLines(measurement),
    ...historyFaultLines(measurement),
    ...opened < count
      ? [`${formatNumber(count - opened)} of ${formatNumber(count)} users did not connect`]
      : [],
    ...verdict.clientLimits.map((limit) => `The client may have been the limit: ${limit}`),
    ...verdict.gates.map((result) =>
      `  ${result.isPassed ? "passed" : "FAILED"}  ${result.gate.text}  (${gateValueText(result)})`
    ),
  ];
}

/** The values that a gate was compared with: `4.73 ms`, or `4.73 ms, baseline 4.50 ms`. */
export function gateValueText({ gate, value, baseline }: GateResult): string {
  const { metric, isRelative } = gate;
  const shown = value === undefined ? "not measured" : formatMetric(metric, value);
  if (!isRelative) return shown;
  return baseline === undefined
    ? `${shown}, not measured in the baseline`
    : `${shown}, baseline ${formatMetric(metric, baseline)}`;
}

function abortedLine({ gate, value, steadySeconds }: Aborted): string {
  const seconds = steadySeconds.toFixed(1);
  const metric = parseGate(gate)!.metric;
  return `Aborted after ${seconds} s of the steady phase: ${gate} (${formatMetric(metric, value)})`;
}

function deliveryLine(
  { ledger, unrecognized = 0, summary, storm }: Measurement,
  { isDelivered }: Verdict,
): string {
  const { delivered, lost, duplicated, reordered, misordered, corrupt, leaked, echoed } = ledger;
  if (summary.sent === 0) return "No message was sent";
  const connections = summary.lost === 1 ? "connection" : "connections";
  const remarks =
    (summary.lost > 0
      ? `; ${formatNumber(summary.lost)} lost ${connections}, checked until the loss`
      : "") +
    (storm && storm.missed > 0
      ? `; ${formatNumber(storm.missed)} missed by users that were cut off`
      : "") +
    (unrecognized > 0
      ? `; the server changes the text around markers, so it was not checked in ${
        formatNumber(unrecognized)
      } of them`
      : "") +
    (storm && storm.back < storm.cut
      ? `; ${formatNumber(storm.cut - storm.back)} of ${formatNumber(storm.cut)} users that were ` +
        "cut off did not come back"
      : "") +
    (echoed > 0 ? "; the server also returns messages to their senders" : "");
  if (isDelivered) {
    return `Every message arrived once and in order: ${
      formatNumber(delivered)
    } deliveries${remarks}`;
  }
  if (delivered === 0) return `None of ${formatNumber(summary.sent)} messages arrived${remarks}`;
  const faults = Object.entries({ lost, duplicated, reordered, misordered, corrupt, leaked })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatNumber(count)} ${name}`);
  return `Not every message arrived once and in order: ${faults.join(", ")}${remarks}`;
}

function clientLimitsOf(
  { achievedRate, offeredRate, latencies, unsent, busyCores = 0, waitingCores, workers }:
    Measurement,
): readonly string[] {
  const { slip, lag } = latencies;
  const limits: string[] = [];
  const wasHeldUp = unsent.disconnected + unsent.blocked > 0;
  if (slip && !wasHeldUp && achievedRate < MIN_SENT_PART * offeredRate) {
    limits.push(`it sent ${formatNumber(achievedRate)} of ${formatNumber(offeredRate)} messages/s`);
  }
  if (slip && slip.p99 > LATE_MS) {
    limits.push(`it sent 1 % of the messages at least ${formatNumber(slip.p99)} ms late`);
  }
  if (lag && lag.p99 > LATE_MS) {
    limits.push(`its event loop was at least ${formatNumber(lag.p99)} ms late for 1 % of the time`);
  }
  const workingCores = busyCores - waitingCores;
  if (workingCores > MAX_BUSY_PART * workers) {
    const threads = workers === 1 ? "its one thread" : `its ${workers} threads`;
    const cores = `${workingCores.toFixed(2)} cores`;
    limits.push(`it kept ${cores} busy with ${threads}, not counting waiting; try more --workers`);
  }
  return limits;
}
