import { printable } from "../../../cli/printable.ts";
import type { HistoryReport } from "../../measure/measurement.ts";
import type { StormSummary, StormTimes } from "../../measure/storm_summary.ts";
import { HISTORY_FAULTS } from "../history_lines.ts";
import { formatNumber } from "../report.ts";
import { capitalized, type Cell, mark, type Table } from "./table.ts";

/** What became of the users that were cut off. */
export function stormTable(storm: StormSummary): Table {
  const { cut, back, upToDate, isResumed, connectsPerSecond: { peak, mean } } = storm;
  return {
    caption: "Reconnect storm",
    head: ["Storm", "Measured"],
    rows: [
      ["Users cut off", formatNumber(cut)],
      ["Users back", mark(formatNumber(back), back === cut)],
      ...timeRows("back", storm.backMs),
      ...isResumed
        ? [
          ["Users up to date", mark(formatNumber(upToDate), upToDate === cut)],
          ...timeRows("up to date", storm.upToDateMs),
        ]
        : [],
      ["Connects per second, peak", formatNumber(peak)],
      ["Connects per second, mean", formatNumber(mean)],
      ...failureRows(storm),
      ...isResumed
        ? [
          ["Lost over the break", mark(formatNumber(storm.lost), storm.lost === 0)],
          ["Sent again without an ack", formatNumber(storm.publishedAgain)],
        ]
        : [
          ["Missed over the break", formatNumber(storm.missed)],
          ["Cut off on the way to the server", formatNumber(storm.cutOff)],
        ],
      ["Duplicated over the break", mark(formatNumber(storm.duplicated), storm.duplicated === 0)],
    ],
  };
}

/** What is in the rooms' histories. If they could not be read, only why. */
export function historyTable(history: HistoryReport): Table {
  const { found, older, reachesBackTo, failure } = history;
  return {
    caption: "History",
    head: ["History", "Measured"],
    rows: failure === undefined
      ? [
        ["Found", formatNumber(found)],
        ...HISTORY_FAULTS.map((key): Cell[] => [
          capitalized(key),
          mark(formatNumber(history[key]), history[key] === 0),
        ]),
        ...reachesBackTo === undefined ? [] : [
          ["Older than the history", formatNumber(older)],
          ["Reaches back to", printable(reachesBackTo)],
        ],
      ]
      : [["Messages", mark("not read", false)], ["Reason", { text: failure, is: "fault" }]],
  };
}

function timeRows(what: string, { half, p99, all }: StormTimes): Cell[][] {
  return Object.entries({ "Half": half, "99 %": p99, "All": all }).map(([part, ms]) => [
    `${part} ${what}`,
    ms === undefined ? mark("never", false) : `after ${(ms / 1000).toFixed(2)} s`,
  ]);
}

function failureRows({ failures }: StormSummary): Cell[][] {
  if (failures.size === 0) return [["Failed attempts", "0"]];
  return Array.from(failures, ([cause, count]) => [
    `Failed attempts: ${cause}`,
    formatNumber(count),
  ]);
}
