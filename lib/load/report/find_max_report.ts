import type { RateTrial } from "../measure/find_max.ts";
import { formatNumber } from "./format_number.ts";
import { verdictLines } from "./measured_report.ts";
import type { Measurement } from "../measured_run.ts";
import type { RunFacts } from "./report.ts";
import type { Verdict } from "./verdict.ts";

/** A run that was made to see whether a rate holds. */
export interface Probe extends RateTrial {
  readonly measurement: Measurement;
  readonly verdict: Verdict;
}

/** What a search for the highest rate has found. */
export interface FindMaxResult {
  readonly gates: string;
  /** In the order in which they were made. */
  readonly probes: readonly Probe[];
  /** The highest rate that held, in messages a second; 0 if none did. */
  readonly maxRate: number;
}

/** Why the lowest rate that did not hold may not have because of the client; empty if it was the server. */
export function clientLimitsOf(probes: readonly Probe[]): readonly string[] {
  const failed = probes.filter(({ holds }) => !holds);
  if (failed.length === 0) return [];
  return failed.reduce((one, other) => one.rate < other.rate ? one : other).verdict.clientLimits;
}

/** A report to read: the answer, then every run. */
export function findMaxTextReport(
  { gates, probes, maxRate }: FindMaxResult,
  facts: RunFacts,
): string {
  const byRate = probes.toSorted((one, other) => one.rate - other.rate);
  const limits = clientLimitsOf(probes);
  return [
    probes.length === 0
      ? "No rate was tried to the end"
      : maxRate > 0
      ? `The highest rate that held ${gates} is ${maxRate} messages/s`
      : `No rate held ${gates}`,
    ...limits.map((limit) => `The client may have been the limit: ${limit}`),
    ...probes.length === 1 ? verdictLines(probes[0]!.measurement, probes[0]!.verdict, facts) : [],
    "",
    `${probes.length} runs in ${
      (facts.elapsedMs / 1000).toFixed(1)
    } s with ${facts.count} users at ${facts.url}` +
    (facts.isInterrupted ? ", stopped by the user" : ""),
    row(["messages/s", "achieved", "deliveries/s", "p50, ms", "p99, ms", "lost", ""]),
    ...byRate.map(probeRow),
  ].join("\n");
}

/** The same for programs, as one JSON object. */
export function findMaxJsonReport(
  { gates, probes, maxRate }: FindMaxResult,
  facts: RunFacts,
): string {
  return JSON.stringify({
    version: 1,
    url: facts.url,
    elapsedMs: Math.round(facts.elapsedMs),
    interrupted: facts.isInterrupted,
    gates,
    maxRate,
    runs: probes.map(({ rate, measurement, verdict, holds }) => ({
      rate,
      holds,
      achievedRate: measurement.achievedRate,
      deliveriesPerSecond: measurement.deliveriesPerSecond,
      latencyMs: measurement.latencies.delivery ?? null,
      delivery: measurement.ledger,
      clientLimits: verdict.clientLimits,
    })),
  });
}

function probeRow({ rate, measurement, holds }: Probe): string {
  const { achievedRate, deliveriesPerSecond, latencies: { delivery }, ledger } = measurement;
  return row([
    String(rate),
    formatNumber(achievedRate),
    formatNumber(deliveriesPerSecond),
    delivery ? delivery.p50.toFixed(2) : "none",
    delivery ? delivery.p99.toFixed(2) : "none",
    String(ledger.lost),
    holds ? "held" : "did not hold",
  ]);
}

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => at === 6 ? `  ${cell}` : cell.padStart(13)).join("").trimEnd();
}
