import { assertEquals } from "@std/assert";
import type { HistoryReport } from "../../../../lib/load/measure/measurement.ts";
import { historyTable, stormTable } from "../../../../lib/load/report/html_report/check_tables.ts";
import type { Cell, Table } from "../../../../lib/load/report/html_report/table.ts";

/** All rows. `text!bad` is a cell with an emphasis. */
function shown({ rows }: Table): readonly (readonly string[])[] {
  const textOf = (cell: Cell) => typeof cell === "string" ? cell : `${cell.text}!${cell.is}`;
  return rows.map((cells) => cells.map(textOf));
}

const STORM = {
  cut: 2000,
  back: 1999,
  upToDate: 1990,
  isResumed: true,
  lost: 3,
  missed: 0,
  duplicated: 1,
  cutOff: 0,
  publishedAgain: 4,
  failures: new Map([["HTTP 503", 1200], ["timed out", 7]]),
  backMs: { half: 400, p99: 1204.4, all: undefined },
  upToDateMs: { half: 410, p99: 2000, all: undefined },
  connectsPerSecond: { peak: 2400, mean: 812.34 },
};

const HISTORY: HistoryReport = {
  ...{ found: 1500, unrecorded: 2, unrecordedNames: [], duplicated: 0, reordered: 0, corrupt: 1 },
  ...{ leaked: 0, misplaced: 0, older: 0, reachesBackTo: undefined, failure: undefined },
};

Deno.test("stormTable() shows when users were back and up to date, and marks what is wrong", () => {
  assertEquals(shown(stormTable(STORM)), [
    ["Users cut off", "2,000"],
    ["Users back", "1,999!bad"],
    ["Half back", "after 0.40 s"],
    ["99 % back", "after 1.20 s"],
    ["All back", "never!bad"],
    ["Users up to date", "1,990!bad"],
    ["Half up to date", "after 0.41 s"],
    ["99 % up to date", "after 2.00 s"],
    ["All up to date", "never!bad"],
    ["Connects per second, peak", "2,400"],
    ["Connects per second, mean", "812.3"],
    ["Failed attempts: HTTP 503", "1,200"],
    ["Failed attempts: timed out", "7"],
    ["Lost over the break", "3!bad"],
    ["Sent again without an ack", "4"],
    ["Duplicated over the break", "1!bad"],
  ]);
});

Deno.test("stormTable() shows what users missed that cannot resume", () => {
  const backMs = { half: 400, p99: 500, all: 500 };
  const storm = { ...STORM, ...{ isResumed: false, back: 2000, backMs, missed: 1143, cutOff: 5 } };
  assertEquals(shown(stormTable({ ...storm, duplicated: 0, failures: new Map() })), [
    ["Users cut off", "2,000"],
    ["Users back", "2,000"],
    ["Half back", "after 0.40 s"],
    ["99 % back", "after 0.50 s"],
    ["All back", "after 0.50 s"],
    ["Connects per second, peak", "2,400"],
    ["Connects per second, mean", "812.3"],
    ["Failed attempts", "0"],
    ["Missed over the break", "1,143"],
    ["Cut off on the way to the server", "5"],
    ["Duplicated over the break", "0"],
  ]);
});

const COUNTS = [
  ["Found", "1,500"],
  ["Unrecorded", "2!bad"],
  ["Duplicated", "0"],
  ["Reordered", "0"],
  ["Corrupt", "1!bad"],
  ["Leaked", "0"],
  ["Misplaced", "0"],
];

Deno.test("historyTable() shows what is in the history, and marks what is wrong", () => {
  assertEquals(shown(historyTable(HISTORY)), COUNTS);
});

Deno.test("historyTable() shows how far the history reaches back", () => {
  assertEquals(shown(historyTable({ ...HISTORY, older: 1200, reachesBackTo: "e-7\n" })), [
    ...COUNTS,
    ["Older than the history", "1,200"],
    ["Reaches back to", "e-7\\n"],
  ]);
});

Deno.test("historyTable() shows no counts of a history that could not be read", () => {
  const failure = "Cannot read the history at http://h/rooms/lobby/messages: HTTP 500";
  assertEquals(shown(historyTable({ ...HISTORY, failure })), [
    ["Messages", "not read!bad"],
    ["Reason", `${failure}!fault`],
  ]);
});
