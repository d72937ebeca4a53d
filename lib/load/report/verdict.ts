import { type Gate, type GateMetric, type GateResult, judgeGate } from "./gate.ts";
import type { Measurement } from "../measured_run.ts";

/** Below this part of the rate that was asked for, the client did not keep up with its schedule. */
const KEPT_RATE = 0.98;

/** Messages that were sent later than this, in milliseconds, were not sent on schedule; an event loop that is, adds to latency. */
const LATE_MS = 20;

/** A client that keeps more than this part of its threads busy has no time left to be on time. */
const BUSY_PART = 0.9;

/** What a run comes to. */
export interface Verdict {
  /** Whether something came, and everything to everybody who stayed, once and in order. An echo is no fault. */
  readonly isDelivered: boolean;
  /** Whether that is so, everybody got in and stayed, and the client was not the limit if that is forbidden. */
  readonly isPassed: boolean;
  /** Why the client and not the server may have been the limit; empty if it was not. */
  readonly clientLimits: readonly string[];
  readonly gates: readonly GateResult[];
}

/** What a run is held to. */
export interface Demands {
  readonly gates: readonly Gate[];
  /** How many users were to come in and stay. */
  readonly count: number;
  /** Whether the client must not have been the limit. */
  readonly isStrict: boolean;
}

/** Judges a run. */
export function judge(measurement: Measurement, { gates, count, isStrict }: Demands): Verdict {
  const { ledger: { delivered, lost, duplicated, reordered, corrupt }, summary } = measurement;
  const isDelivered = delivered > 0 && lost + duplicated + reordered + corrupt === 0;
  const clientLimits = clientLimitsOf(measurement);
  const results = gates.map((gate) => judgeGate(gate, measuresOf(measurement)));
  return {
    isDelivered,
    isPassed: isDelivered && summary.isClean(count) && results.every(({ isPassed }) => isPassed) &&
      !(isStrict && clientLimits.length > 0),
    clientLimits,
    gates: results,
  };
}

/** What gates can be about. */
function measuresOf(
  { ledger, summary, latencies, achievedRate, deliveriesPerSecond }: Measurement,
): Partial<Record<GateMetric, number>> {
  const { failed } = summary;
  // Where nothing was sent, nothing is shown to have arrived.
  if (summary.sent === 0) return { failed };
  const { lost, duplicated, reordered, corrupt, echoed } = ledger;
  return {
    lost,
    duplicated,
    reordered,
    corrupt,
    echoed,
    failed,
    rate: achievedRate,
    deliveries: deliveriesPerSecond,
    ...latencies.delivery,
  };
}

function clientLimitsOf(
  { achievedRate, offeredRate, latencies, unsent, busyCores, workers }: Measurement,
): readonly string[] {
  const { slip, lag } = latencies;
  const limits: string[] = [];
  const wasHeldUp = unsent.disconnected + unsent.blocked > 0;
  if (slip && !wasHeldUp && achievedRate < KEPT_RATE * offeredRate) {
    limits.push(`it sent ${achievedRate.toFixed(1)} of ${offeredRate} messages/s`);
  }
  if (slip && slip.p99 > LATE_MS) {
    limits.push(`1 % of the messages were sent ${slip.p99.toFixed(1)} ms late or more`);
  }
  if (lag && lag.p99 > LATE_MS) {
    limits.push(`its event loop was ${lag.p99.toFixed(1)} ms late or more for 1 % of the time`);
  }
  if (busyCores !== undefined && busyCores > BUSY_PART * workers) {
    const threads = workers === 1 ? "its one thread" : `its ${workers} threads`;
    limits.push(`it kept ${busyCores.toFixed(2)} cores busy with ${threads}; try more --workers`);
  }
  return limits;
}
