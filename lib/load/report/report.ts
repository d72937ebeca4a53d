import type { Summary } from "../measure/summary.ts";

/** What a report says beside the counts. */
export interface RunFacts {
  readonly url: string;
  /** How many users were asked for. */
  readonly count: number;
  readonly elapsedMs: number;
  /** Whether the user stopped the run. */
  readonly isInterrupted: boolean;
}

/** A report to read. */
export function textReport(summary: Summary, facts: RunFacts): string {
  return [
    `Summary of ${(facts.elapsedMs / 1000).toFixed(1)} s at ${facts.url}`,
    ...connectionLines(summary, facts).slice(1, -1),
    `  sent         ${summary.sent}`,
    `  received     ${summary.received}`,
    ...connectionLines(summary, facts).slice(-1),
  ].join("\n");
}

/** How the connections fared, under a heading. */
export function connectionLines(summary: Summary, facts: RunFacts): readonly string[] {
  const failures = list(summary.failures, (cause, count) => `${count} × ${cause}`);
  const closes = list(summary.closeCodes, (code, count) => `${count} × ${code}`);
  const unanswered = facts.count - summary.opened - summary.failed;
  const away = summary.away > 0 ? `, ${summary.away} still away` : "";
  return [
    "Connections",
    `  opened       ${summary.opened} of ${facts.count}`,
    `  failed       ${summary.failed}${failures && `: ${failures}`}`,
    ...(unanswered > 0 ? [`  not yet open ${unanswered}`] : []),
    `  lost         ${summary.lost}` +
    (summary.lost > 0 ? `, ${summary.cameBack} came back${away}` : ""),
    `  close codes  ${closes || "none"}`,
  ];
}

/** A report for programs: one JSON object. `version` changes when a field changes its meaning or goes. */
export function jsonReport(summary: Summary, facts: RunFacts): string {
  return JSON.stringify({
    version: 1,
    url: facts.url,
    elapsedMs: Math.round(facts.elapsedMs),
    interrupted: facts.isInterrupted,
    connections: connectionCounts(summary, facts),
    messages: { sent: summary.sent, received: summary.received },
  });
}

/** How the connections fared, for programs. */
export function connectionCounts(summary: Summary, { count }: RunFacts) {
  return {
    count,
    opened: summary.opened,
    failed: summary.failed,
    failures: Object.fromEntries(summary.failures),
    lost: summary.lost,
    cameBack: summary.cameBack,
    closeCodes: Object.fromEntries(summary.closeCodes),
  };
}

function list<K>(counts: ReadonlyMap<K, number>, line: (key: K, count: number) => string): string {
  return [...counts].map(([key, count]) => line(key, count)).join(", ");
}
