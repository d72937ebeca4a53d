import { assertEquals } from "@std/assert";
import { NO_ACKS } from "../../../../lib/load/measure/acks.ts";
import type { Measurement } from "../../../../lib/load/measure/measurement.ts";
import { Summary } from "../../../../lib/load/measure/summary.ts";
import { compare } from "../../../../lib/load/report/comparison.ts";
import type { Cell, Table } from "../../../../lib/load/report/html_report/table.ts";
import {
  askedTable,
  comparisonTable,
  gateTable,
  latencyTable,
  serverTable,
  stageTable,
} from "../../../../lib/load/report/html_report/report_tables.ts";
import { judgeRun } from "../../../../lib/load/report/run_reports.ts";
import { baselineOf, FINISHED, GOOD, LATENCY } from "../measurements.ts";

/** The cells of the row with a title. `text!bad` is a cell with an emphasis. */
function row({ rows }: Table, title: string): readonly string[] | undefined {
  const shown = (cell: Cell) => typeof cell === "string" ? cell : `${cell.text}!${cell.is}`;
  return rows.find(([first]) => first === title)?.slice(1).map(shown);
}

Deno.test("gateTable() has the failed gates first, each with its value and limit", () => {
  const run = { ...FINISHED, baseline: baselineOf(FINISHED) };
  const { gates } = judgeRun(run, ["lost=0", "p99<=0.5x", "rate>=90", "p50<800us"]);
  assertEquals(
    gateTable(gates).rows.map((cells) =>
      cells.map((cell) => typeof cell === "string" ? cell : cell.text)
    ),
    [
      ["p99<=0.5x", "FAILED", "3.00 ms", "≤ 0.5 × 3.00 ms"],
      ["p50<800us", "FAILED", "1.00 ms", "< 0.80 ms"],
      ["lost=0", "passed", "0", "= 0"],
      ["rate>=90", "passed", "100", "≥ 90"],
    ],
  );
});

Deno.test("gateTable() says what was not measured", () => {
  const baseline = { ...baselineOf(FINISHED), metrics: {} };
  const { gates } = judgeRun({ ...FINISHED, baseline }, ["p99<=2x"]);
  assertEquals(gateTable(gates).rows[0]![3], "not measured in the baseline");
  const measurement = { ...GOOD, summary: new Summary() };
  const judged = judgeRun({ ...FINISHED, measurement }, ["p99<2s"]);
  assertEquals(gateTable(judged.gates).rows[0]!.slice(2), ["not measured", "< 2,000.00 ms"]);
});

Deno.test("askedTable() shows what was asked for beside what was measured", () => {
  const config = { ...FINISHED.config, churn: 2 };
  const measurement = { ...GOOD, churned: 7 };
  const run = { ...FINISHED, config, measurement, given: ["count", "churn", "expect", "json"] };
  const { gates } = judgeRun(run, ["p99<5ms", "p99.9<9ms", "lost=0"]);
  const table = askedTable(run, gates);
  assertEquals(row(table, "Users connected"), ["3", "3"]);
  assertEquals(row(table, "Duration"), ["5 s", "5.0 s in total"]);
  assertEquals(row(table, "Messages per second"), ["100", "100"]);
  assertEquals(row(table, "Deliveries"), ["20", "20"]);
  assertEquals(row(table, "Lost"), ["0", "0"]);
  assertEquals(row(table, "Misordered"), ["0", "not checked"]);
  assertEquals(row(table, "Latency p99, ms"), ["p99<5ms", "3.00"]);
  assertEquals(row(table, "--churn"), ["2", "7 reconnected"]);
  assertEquals([row(table, "--expect"), row(table, "--json")], [undefined, undefined]);
});

Deno.test("askedTable() shows no warm-up and no duration of a run with stages", () => {
  const config = { ...FINISHED.config, rate: 0, durationMs: 0, stage: ["1s:5"] };
  const table = askedTable({ ...FINISHED, config }, []);
  assertEquals(row(table, "Warm-up"), undefined);
  assertEquals(row(table, "Duration"), ["all stages", "5.0 s in total"]);
});

Deno.test("askedTable() marks what is worse than asked for", () => {
  const summary = new Summary();
  Object.assign(summary, { opened: 2, sent: 1500 });
  summary.addFailure({ cause: "HTTP 503" });
  summary.addLoss({ code: 1001, reason: "" });
  const measurement = { ...GOOD, summary, ledger: { ...GOOD.ledger, lost: 3, corrupt: 1 } };
  const table = askedTable({ ...FINISHED, measurement }, []);
  assertEquals(row(table, "Users connected"), ["3", "2!bad"]);
  assertEquals(row(table, "Failed connections"), ["0", "1!bad"]);
  assertEquals(row(table, "Lost connections"), ["0", "1!bad"]);
  assertEquals(row(table, "Deliveries"), ["23", "20!bad"]);
  assertEquals(row(table, "Lost"), ["0", "3!bad"]);
  assertEquals(row(table, "Corrupt"), ["0", "1!bad"]);
  assertEquals(row(table, "Messages"), ["–", "1,500"]);
});

Deno.test("askedTable() shows unknown acks, and that the history was not read", () => {
  const acks = { ...NO_ACKS, unknown: 2, unreached: 0, unreachedNames: [] };
  const history = {
    ...{ found: 0, unrecorded: 0, unrecordedNames: [], duplicated: 0, reordered: 0, corrupt: 0 },
    ...{ leaked: 0, misplaced: 0, older: 0, reachesBackTo: undefined, failure: "HTTP 500" },
  };
  const table = (part: Partial<Measurement>) =>
    askedTable({ ...FINISHED, measurement: { ...GOOD, ...part } }, []);
  assertEquals(row(table({ acks }), "Unknown acks"), ["0", "2!bad"]);
  assertEquals(row(table({ acks: { ...acks, unreached: undefined } }), "Unknown acks"), undefined);
  assertEquals(row(table({ history }), "Unrecorded"), ["0", "history not read!bad"]);
  assertEquals(row(table({ history: { ...history, failure: undefined } }), "Unrecorded"), [
    "0",
    "0",
  ]);
});

Deno.test("latencyTable() leaves out what was not measured", () => {
  const latencies = { ...GOOD.latencies, spread: undefined };
  const table = latencyTable({ ...FINISHED, measurement: { ...GOOD, latencies } });
  assertEquals(row(table, "All deliveries"), ["1.00", "2.00", "3.00", "4.00", "5.00"]);
  assertEquals(row(table, "First to last"), undefined);
});

Deno.test("stageTable() shows each stage, and marks losses", () => {
  const stage = {
    ...{ startRate: 0, rate: 1500, seconds: 2.5, sent: 1875, achievedRate: 750 },
    ...{ deliveriesPerSecond: 1500, latency: LATENCY, lost: 1 },
  };
  const table = stageTable([stage, { ...stage, latency: undefined, lost: 0 }]);
  const shown = ["0 to 1,500", "2.5", "1,875", "1,500"];
  assertEquals(row(table, "1"), [...shown, "1.00", "3.00", "1!bad"]);
  assertEquals(row(table, "2"), [...shown, "none", "none", "0"]);
});

Deno.test("serverTable() shows the mean and the maximum of each figure", () => {
  const table = serverTable({
    cpuCores: { mean: 0.5, max: 1 },
    memoryBytes: { mean: 1_204_500_000, max: 2e9 },
    lagMs: undefined,
  });
  assertEquals(row(table, "Busy, cores"), ["0.50", "1.00"]);
  assertEquals(row(table, "Memory, MB"), ["1,204.5", "2,000.0"]);
  assertEquals(row(table, "Event loop lag, ms"), ["not measured", ""]);
});

Deno.test("comparisonTable() shows each change, and whether it is better", () => {
  const latencies = { ...GOOD.latencies, delivery: { ...LATENCY, p99: 1.5 } };
  const measurement = { ...GOOD, latencies, achievedRate: 50 };
  const table = comparisonTable(compare(measurement, FINISHED.config, baselineOf(FINISHED)));
  assertEquals(row(table, "p99, ms"), ["1.50", "3.00", "-50.0 %", "better!good"]);
  assertEquals(row(table, "Rate/s"), ["50", "100", "-50.0 %", "worse!bad"]);
  assertEquals(row(table, "Lost"), ["0", "0", "0", ""]);
});
