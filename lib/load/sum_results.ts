import { addCounts, NO_COUNTS } from "./measure/ledger/delivery_counts.ts";
import { type Fault, firstOfEachKind } from "./measure/ledger/fault_log.ts";
import { increment, Summary } from "./measure/summary.ts";
import type { WorkerResult } from "./users/worker.ts";

/** Adds up what the workers of a run have measured. */
export function sumResults(results: readonly WorkerResult[]) {
  const summary = new Summary();
  const ledger = { ...NO_COUNTS };
  const slow = { count: 0, closeCodes: new Map<number, number>(), ledger: { ...NO_COUNTS } };
  const unsent = { disconnected: 0, blocked: 0 };
  const faults: Fault[] = [];
  let [uncompared, unrecognized, churned, achievedRate, deliveriesPerSecond] = [0, 0, 0, 0, 0];
  for (const result of results) {
    summary.add(result.summary);
    addCounts(ledger, result.ledger);
    faults.push(...result.faults);
    uncompared += result.uncompared;
    unrecognized += result.unrecognized;
    addCounts(slow.ledger, result.slow.ledger);
    slow.count += result.slow.count;
    result.slow.closeCodes.forEach((count, code) => increment(slow.closeCodes, code, count));
    unsent.disconnected += result.unsent.disconnected;
    unsent.blocked += result.unsent.blocked;
    churned += result.churned;
    const { seconds, sent, delivered } = result.steady;
    if (seconds <= 0) continue;
    achievedRate += sent / seconds;
    deliveriesPerSecond += delivered / seconds;
  }
  return {
    summary,
    ledger,
    faults: firstOfEachKind(faults),
    uncompared,
    unrecognized,
    slow,
    unsent,
    churned,
    achievedRate,
    deliveriesPerSecond,
  };
}
