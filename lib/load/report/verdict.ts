import type { Aborted, Measurement } from "../measure/measurement.ts";
import { ackFaultLines, areMessagesAcked } from "./ack_lines.ts";
import { type Gate, type GateMetric, type GateResult, judgeGate } from "./gate.ts";
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
}

/** Judges a measured run. */
export function judge(measurement: Measurement, { gates, count, isStrict }: Demands): Verdict {
  const {
    ledger: { delivered, lost, duplicated, reordered, misordered, corrupt, leaked },
    summary,
  } = measurement;
  const isDelivered = delivered > 0 &&
    lost + duplicated + reordered + misordered + corrupt + leaked === 0;
  const isStored = areMessagesAcked(measurement) && isHistoryComplete(measurement);
  const clientLimits = clientLimitsOf(measurement);
  const results = gates.map((gate) => judgeGate(gate, metricsOf(measurement)));
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
    ...opened < count ? [`${count - opened} of ${count} users did not connect`] : [],
    ...verdict.clientLimits.map((limit) => `The client may have been the limit: ${limit}`),
    ...verdict.gates.map(({ gate, value, isPassed }) =>
      `  ${isPassed ? "passed" : "FAILED"}  ${gate.text}  (${
        value === undefined ? "not measured" : formatNumber(value)
      })`
    ),
  ];
}

function abortedLine({ gate, value, steadySeconds }: Aborted): string {
  const seconds = steadySeconds.toFixed(1);
  return `Aborted after ${seconds} s of the steady phase: ${gate} (${formatNumber(value)})`;
}

function deliveryLine({ ledger, summary, storm }: Measurement, { isDelivered }: Verdict): string {
  const { delivered, lost, duplicated, reordered, misordered, corrupt, leaked, echoed } = ledger;
  if (summary.sent === 0) return "No message was sent";
  const connections = summary.lost === 1 ? "connection" : "connections";
  const remarks =
    (summary.lost > 0 ? `; ${summary.lost} lost ${connections}, checked until the loss` : "") +
    (storm && storm.missed > 0 ? `; ${storm.missed} missed by users that were cut off` : "") +
    (echoed > 0 ? "; the server also returns messages to their senders" : "");
  if (isDelivered) {
    return `Every message arrived once and in order: ${delivered} deliveries${remarks}`;
  }
  if (delivered === 0) return `None of ${summary.sent} messages arrived${remarks}`;
  const faults = Object.entries({ lost, duplicated, reordered, misordered, corrupt, leaked })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  return `Not every message arrived once and in order: ${faults.join(", ")}${remarks}`;
}

/** The values that gates are compared with. */
function metricsOf(
  measurement: Measurement,
): Partial<Record<GateMetric, number>> {
  const { ledger, uncompared, summary, acks, history, storm, latencies } = measurement;
  const { failed } = summary;
  // If nothing was sent, a count of 0 proves nothing.
  if (summary.sent === 0) return { failed };
  const { misordered, ...counts } = ledger;
  return {
    ...counts,
    ...uncompared === undefined ? {} : { misordered },
    ...history && history.failure === undefined && { unrecorded: history.unrecorded },
    ...storm && { missed: storm.missed },
    ...acks && { refused: acks.refused, unanswered: acks.unanswered },
    ...acks?.unreached === undefined ? {} : { unreached: acks.unreached },
    ...latencies.delivery,
    failed,
    rate: measurement.achievedRate,
    deliveries: measurement.deliveriesPerSecond,
  };
}

function clientLimitsOf(
  { achievedRate, offeredRate, latencies, unsent, busyCores = 0, waitingCores, workers }:
    Measurement,
): readonly string[] {
  const { slip, lag } = latencies;
  const limits: string[] = [];
  const wasHeldUp = unsent.disconnected + unsent.blocked > 0;
  if (slip && !wasHeldUp && achievedRate < MIN_SENT_PART * offeredRate) {
    limits.push(`it sent ${achievedRate.toFixed(1)} of ${formatNumber(offeredRate)} messages/s`);
  }
  if (slip && slip.p99 > LATE_MS) {
    limits.push(`it sent 1 % of the messages at least ${slip.p99.toFixed(1)} ms late`);
  }
  if (lag && lag.p99 > LATE_MS) {
    limits.push(`its event loop was at least ${lag.p99.toFixed(1)} ms late for 1 % of the time`);
  }
  const workingCores = busyCores - waitingCores;
  if (workingCores > MAX_BUSY_PART * workers) {
    const threads = workers === 1 ? "its one thread" : `its ${workers} threads`;
    const cores = `${workingCores.toFixed(2)} cores`;
    limits.push(`it kept ${cores} busy with ${threads}, not counting waiting; try more --workers`);
  }
  return limits;
}
