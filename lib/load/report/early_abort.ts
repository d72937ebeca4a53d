import type { LatencySummary } from "../measure/latency.ts";
import { addCounts, type LedgerCounts, NO_COUNTS } from "../measure/ledger/delivery_counts.ts";
import { type Gate, type GateResult, judgeGate } from "./gate.ts";

/** The state of a run at one time of its steady phase. */
export interface RunSoFar {
  readonly atMs: number;
  readonly sent: number;
  /** Messages under way do not count as lost. */
  readonly ledger: LedgerCounts;
  /** How many users could not connect. */
  readonly failed: number;
  /** The latency of the deliveries of the steady phase; undefined if nothing arrived. */
  readonly latency: LatencySummary | undefined;
}

/** Adds up what the workers counted so far. */
export function runSoFar(
  workers: readonly Pick<RunSoFar, "sent" | "ledger" | "failed">[],
  rest: Pick<RunSoFar, "atMs" | "latency">,
): RunSoFar {
  const ledger = { ...NO_COUNTS };
  let [sent, failed] = [0, 0];
  for (const worker of workers) {
    addCounts(ledger, worker.ledger);
    sent += worker.sent;
    failed += worker.failed;
  }
  return { ...rest, sent, ledger, failed };
}

/** Rates over less than this mean little. */
const MIN_INTERVAL_MS = 500;

/**
 * Decides whether a run ends early, because a gate of `--abort` holds.
 *
 * Counts and latencies are those so far. Rates are those since the call before: a server that has
 * stalled delivers nothing, so that its latencies do not rise.
 */
export class EarlyAbort {
  readonly #gates: readonly Gate[];
  #before: RunSoFar | undefined;

  constructor(gates: readonly Gate[]) {
    this.#gates = gates;
  }

  /** @returns The first gate that holds. The first call returns undefined: it has no rates. */
  judge(now: RunSoFar): GateResult | undefined {
    const before = this.#before ??= now;
    const seconds = (now.atMs - before.atMs) / 1000;
    if (seconds * 1000 < MIN_INTERVAL_MS) return undefined;
    this.#before = now;
    const metrics = {
      ...now.ledger,
      ...now.latency,
      failed: now.failed,
      rate: (now.sent - before.sent) / seconds,
      deliveries: (now.ledger.delivered - before.ledger.delivered) / seconds,
    };
    // `isPassed` means that the condition holds.
    return this.#gates.map((gate) => judgeGate(gate, metrics)).find(({ isPassed }) => isPassed);
  }
}
