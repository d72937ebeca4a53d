import type { Summary } from "../measure/summary.ts";

/** What a report shows besides the counts. */
export interface ReportFacts {
  readonly url: string;
  /** How many users the flags ask for. */
  readonly count: number;
  readonly elapsedMs: number;
  /** Whether the user stopped the client with Ctrl-C. */
  readonly isInterrupted: boolean;
}

/** The text report of users that talk. */
export function textReport(summary: Summary, facts: ReportFacts): string {
  const [, ...lines] = connectionLines(summary, facts);
  return [
    `Summary of ${(facts.elapsedMs / 1000).toFixed(1)} s at ${facts.url}`,
    ...lines.slice(0, -1),
    `  sent         ${formatNumber(summary.sent)}`,
    `  received     ${formatNumber(summary.received)}`,
    ...lines.slice(-1),
  ].join("\n");
}

/** What happened to the connections, under a heading. */
export function connectionLines(summary: Summary, facts: ReportFacts): readonly string[] {
  const failures = list(summary.failures, (cause, count) => `${formatNumber(count)} × ${cause}`);
  const closes = list(summary.closeCodes, (code, count) => `${formatNumber(count)} × ${code}`);
  const notOpened = facts.count - summary.opened - summary.failed;
  const losses = list(summary.losses, (cause, count) => `${formatNumber(count)} × ${cause}`);
  const { lost, reconnected, disconnected } = summary;
  return [
    "Connections",
    `  opened       ${formatNumber(summary.opened)} of ${formatNumber(facts.count)}`,
    `  failed       ${formatNumber(summary.failed)}${failures && `: ${failures}`}`,
    ...(notOpened > 0 ? [`  not opened   ${formatNumber(notOpened)}`] : []),
    `  lost         ${formatNumber(lost)}` +
    (lost > 0 ? `: ${losses}; ${formatNumber(reconnected)} reconnected` : "") +
    (disconnected > 0 ? `, ${formatNumber(disconnected)} still disconnected` : ""),
    `  close codes  ${closes || "none"}`,
  ];
}

/** The version of all JSON reports. It changes when a field changes its meaning or is removed. */
export const JSON_VERSION = 2;

/** The JSON report of users that talk. */
export function jsonReport(summary: Summary, facts: ReportFacts): string {
  return JSON.stringify({
    version: JSON_VERSION,
    url: facts.url,
    elapsedMs: Math.round(facts.elapsedMs),
    interrupted: facts.isInterrupted,
    connections: connectionCounts(summary, facts),
    messages: { sent: summary.sent, received: summary.received },
  });
}

/** What happened to the connections, for JSON. */
export function connectionCounts(summary: Summary, { count }: ReportFacts) {
  return {
    count,
    opened: summary.opened,
    failed: summary.failed,
    failures: Object.fromEntries(summary.failures),
    lost: summary.lost,
    losses: Object.fromEntries(summary.losses),
    cameBack: summary.reconnected,
    closeCodes: Object.fromEntries(summary.closeCodes),
  };
}

/** Formats a number for the user: `4,500`; with one or two decimals if it is not whole. */
export function formatNumber(value: number): string {
  return formatDecimals(value, Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 2 : 1);
}

/** Formats milliseconds for the user, without their unit: `1,204.50`. */
export function formatMs(ms: number): string {
  return formatDecimals(ms, 2);
}

/** Formats a time for the user: `2026-11-26 22:30:12 UTC`. */
export function formatTime(iso8601: string): string {
  return iso8601.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");
}

/** Formats a number with a number of decimals. */
export function formatDecimals(value: number, digits: number): string {
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function list<K>(counts: ReadonlyMap<K, number>, line: (key: K, count: number) => string): string {
  return [...counts].map(([key, count]) => line(key, count)).join(", ");
}
