import { escape } from "@std/html/entities";
import plotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import plotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import { commandOf } from "./asked.ts";
import { compare } from "./comparison.ts";
import { phaseBands } from "./html_report/phase_bands.ts";
import { historyTable, stormTable } from "./html_report/check_tables.ts";
import style from "./html_report/report.css" with { type: "text" };
import page from "./html_report/report.html" with { type: "text" };
import script from "./html_report/report.js" with { type: "text" };
import { type Table, tableHtml } from "./html_report/table.ts";
import { measuredTextReport } from "./measured_report.ts";
import { formatNumber, formatTime } from "./report.ts";
import {
  askedTable,
  comparisonTable,
  gateTable,
  latencyTable,
  serverTable,
  stageTable,
} from "./html_report/report_tables.ts";
import type { FinishedRun } from "./saved_run/saved_run.ts";
import { type Verdict, verdictLines } from "./verdict.ts";

/** The percentiles of the latency chart: denser toward 100, up to 99.9999. */
const CHART_PERCENTS = Array.from({ length: 121 }, (_, at) => 100 - 100 / 10 ** (at / 20));

/** The HTML report of a measured run. It contains uPlot for its charts, and loads nothing. */
export function htmlReport(run: FinishedRun, verdict: Verdict): string {
  const { measurement, facts, baseline, origin } = run;
  const comparison = baseline && compare(measurement, run.config, baseline);
  const [headline, ...remarks] = verdictLines(measurement, { ...verdict, gates: [] }, facts);
  const latencies = latencyTable(run);
  const text = measuredTextReport(measurement, verdict, { ...facts, comparison });
  const html: Readonly<Record<string, string>> = {
    TITLE: escape(headline!),
    RESULT: verdict.isPassed
      ? '<p class="result good">Passed</p>'
      : '<p class="result bad">Failed</p>',
    HEADLINE: escape(headline!),
    FACTS: escape(
      `${formatNumber(facts.count)} users, ${
        (facts.elapsedMs / 1000).toFixed(1)
      } s at ${facts.url}` +
        (facts.isInterrupted ? ", interrupted" : ""),
    ),
    REMARKS: remarks.length > 0
      ? `<ul id="remarks">${remarks.map((text) => `<li>${escape(text)}</li>`).join("")}</ul>`
      : "",
    GATES: verdict.gates.length > 0 ? section("Gates", gateTable(verdict.gates)) : "",
    ASKED: section("Asked and measured", askedTable(run, verdict.gates)),
    SERVER: measurement.server
      ? section("The server's own figures", serverTable(measurement.server))
      : "",
    COMPARISON: comparison
      ? section("Compared with the baseline", comparisonTable(comparison), [
        `The baseline is the run of ${formatTime(comparison.origin.startedAt)} with Chorus ` +
        `${comparison.origin.chorus}.`,
        ...comparison.askedDifferences.length > 0
          ? [`Asked for something else: ${comparison.askedDifferences.join(", ")}.`]
          : [],
      ])
      : "",
    STORM: measurement.storm ? section("Reconnect storm", stormTable(measurement.storm)) : "",
    HISTORY: measurement.history ? section("History", historyTable(measurement.history)) : "",
    STAGES: measurement.stages.length > 0 ? section("Stages", stageTable(measurement.stages)) : "",
    PHASES: escape(
      phaseBands(measurement.timeline)
        .map(({ name, from, to }) => `${name} ${from.toFixed(1)}–${to.toFixed(1)} s`).join(", "),
    ),
    LATENCIES: latencies.rows.length > 0
      ? '<section><h2>Latency</h2><div class="charts" id="by-percentile"></div>' +
        `${tableHtml(latencies)}</section>`
      : "",
    TEXT: escape(text),
    ORIGIN: escape(
      `Started ${formatTime(origin.startedAt)} with Chorus ${origin.chorus} and Deno ` +
        `${origin.deno}, on ${origin.system} with ${origin.cores} cores.`,
    ),
    COMMAND: escape(commandOf(run)),
  };
  const code: Readonly<Record<string, string>> = {
    STYLE: plotStyle + style,
    // Without this, "</script>" in a text would end the script element.
    DATA: JSON.stringify(chartData(run)).replaceAll("<", "\\u003c"),
    SCRIPT: plotScript + script,
  };
  return page.replace(
    /<!--([A-Z]+)-->|\/\*([A-Z]+)\*\//g,
    (_, part: string | undefined, name: string) => part === undefined ? code[name]! : html[part]!,
  );
}

/** What the charts show. */
function chartData({ measurement: { timeline, histograms } }: FinishedRun) {
  const { delivery, raw } = histograms;
  const count = delivery.summary?.count ?? 0;
  return {
    timeline,
    phases: phaseBands(timeline),
    distribution: CHART_PERCENTS.filter((percent) => count * (1 - percent / 100) >= 1)
      .map((percent) => ({
        percent,
        delivery: delivery.percentileMs(percent),
        raw: raw.percentileMs(percent),
      })),
  };
}

function section(title: string, table: Table, notes: readonly string[] = []): string {
  const paragraphs = notes.map((note) => `<p>${escape(note)}</p>`).join("");
  return `<section><h2>${escape(title)}</h2>${paragraphs}${tableHtml(table)}</section>`;
}
