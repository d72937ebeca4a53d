import type { Measurement } from "../measure/measurement.ts";
import { ackFaultLines } from "./ack_lines.ts";
import { historyFaultLines } from "./history_lines.ts";
import { formatMs, formatNumber, JSON_VERSION, type ReportFacts } from "./report.ts";
import { type Verdict, verdictLines } from "./verdict.ts";

/** One run of a search for the highest rate. */
export interface RateTrial {
  /** In messages per second. */
  readonly rate: number;
  readonly isPassed: boolean;
  readonly measurement: Measurement;
  readonly verdict: Verdict;
}

/** The result of a search for the highest rate. */
export interface FindMaxResult {
  /** The gates as the user wrote them. */
  readonly gates: string;
  /** All runs, in their order. */
  readonly trials: readonly RateTrial[];
  /** The highest rate that passed, in messages per second; 0 if none did. */
  readonly maxRate: number;
}

/**
 * Why the client, not the server, may have made the lowest failed rate fail. Empty if there is no
 * sign of that.
 */
export function clientLimitsOf(trials: readonly RateTrial[]): readonly string[] {
  return lowestFailed(trials)?.verdict.clientLimits ?? [];
}

/** The text report of a search: first the highest rate, then every run. */
export function findMaxTextReport(
  { gates, trials, maxRate }: FindMaxResult,
  facts: ReportFacts,
): string {
  const byRate = trials.toSorted((one, other) => one.rate - other.rate);
  const limits = clientLimitsOf(trials);
  return [
    trials.length === 0
      ? "No run was completed"
      : maxRate > 0
      ? `The highest rate that passed ${gates} is ${formatNumber(maxRate)} messages/s`
      : `No rate passed ${gates}`,
    ...limits.map((limit) => `The client may have been the limit: ${limit}`),
    ...trials.length === 1
      ? verdictLines(trials[0]!.measurement, trials[0]!.verdict, facts)
      : failureLines(lowestFailed(trials)),
    "",
    `${trials.length} runs in ${(facts.elapsedMs / 1000).toFixed(1)} s with ${
      formatNumber(facts.count)
    } users at ${facts.url}` +
    (facts.isInterrupted ? ", interrupted" : ""),
    row(["messages/s", "achieved", "deliveries/s", "p50, ms", "p99, ms", "lost", ""]),
    ...byRate.map(trialRow),
  ].join("\n");
}

/** The JSON report of a search: one object. */
export function findMaxJsonReport(
  { gates, trials, maxRate }: FindMaxResult,
  facts: ReportFacts,
): string {
  return JSON.stringify({
    version: JSON_VERSION,
    url: facts.url,
    elapsedMs: Math.round(facts.elapsedMs),
    interrupted: facts.isInterrupted,
    gates,
    maxRate,
    runs: trials.map(({ rate, measurement, verdict, isPassed }) => ({
      rate,
      holds: isPassed,
      achievedRate: measurement.achievedRate,
      deliveriesPerSecond: measurement.deliveriesPerSecond,
      latencyMs: measurement.latencies.delivery ?? null,
      delivery: measurement.ledger,
      clientLimits: verdict.clientLimits,
    })),
  });
}

function lowestFailed(trials: readonly RateTrial[]): RateTrial | undefined {
  return trials.filter(({ isPassed }) => !isPassed)
    .toSorted((one, other) => one.rate - other.rate)[0];
}

/** What was wrong at a rate besides losses, which the table shows. */
function failureLines(trial: RateTrial | undefined): readonly string[] {
  if (!trial) return [];
  const { rate, measurement } = trial;
  const { misordered } = measurement.ledger;
  const lines = [
    ...misordered > 0
      ? [`Not every message arrived in one order: ${formatNumber(misordered)} misordered`]
      : [],
    ...ackFaultLines(measurement),
    ...historyFaultLines(measurement),
  ];
  return lines.length === 0 ? [] : [
    `The lowest rate that failed is ${formatNumber(rate)} messages/s`,
    ...lines.map((line) => `  ${line}`),
  ];
}

function trialRow({ rate, measurement, isPassed }: RateTrial): string {
  const { achievedRate, deliveriesPerSecond, latencies: { delivery }, ledger } = measurement;
  return row([
    formatNumber(rate),
    formatNumber(achievedRate),
    formatNumber(deliveriesPerSecond),
    delivery ? formatMs(delivery.p50) : "none",
    delivery ? formatMs(delivery.p99) : "none",
    formatNumber(ledger.lost),
    isPassed ? "passed" : "failed",
  ]);
}

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => at === 6 ? `  ${cell}` : cell.padStart(13)).join("").trimEnd();
}
