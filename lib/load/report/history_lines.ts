import { printable } from "../../cli/printable.ts";
import type { Measurement } from "../measure/measurement.ts";
import { formatNumber } from "./report.ts";

/** The names of what is wrong in the history, for people. */
export const HISTORY_FAULTS = [
  "unrecorded",
  "duplicated",
  "reordered",
  "corrupt",
  "leaked",
  "misplaced",
] as const;

/** Whether the history has all that it should have, as far as it was read. */
export function isHistoryComplete({ history }: Measurement): boolean {
  return !history ||
    history.failure === undefined && HISTORY_FAULTS.every((key) => history[key] === 0);
}

/** What is wrong in the history, for the first lines of a report. */
export function historyFaultLines({ history }: Measurement): readonly string[] {
  if (!history) return [];
  const { failure, unrecordedNames } = history;
  const faults = HISTORY_FAULTS.filter((key) => history[key] > 0).map((key) =>
    `${formatNumber(history[key])} ${key}`
  );
  return [
    ...failure === undefined ? [] : [failure],
    ...faults.length > 0 ? [`The history is wrong: ${faults.join(", ")}`] : [],
    ...unrecordedNames.map((name) => `  Not in the history: ${name}`),
  ];
}

/** What is in the history, under a heading. */
export function historyLines({ history }: Measurement): readonly string[] {
  if (!history) return [];
  const { failure, found, older, reachesBackTo } = history;
  // The first lines of the report tell why.
  if (failure !== undefined) return ["History", "  not read"];
  return [
    "History",
    `  found        ${formatNumber(found)}`,
    ...HISTORY_FAULTS.map((key) => `  ${key.padEnd(12)} ${formatNumber(history[key])}`),
    ...reachesBackTo === undefined ? [] : [
      `  older        ${formatNumber(older)}; the history reaches back to ${
        printable(reachesBackTo)
      }`,
    ],
  ];
}

/** What is in the history, for JSON; undefined if it was not checked. */
export function historyJson({ history }: Measurement) {
  if (!history) return undefined;
  const { unrecordedNames, ...rest } = history;
  return { ...rest, unrecordedMessages: unrecordedNames };
}
