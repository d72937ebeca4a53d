import plotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import plotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import style from "./html_report/report.css" with { type: "text" };
import page from "./html_report/report.html" with { type: "text" };
import script from "./html_report/report.js" with { type: "text" };
import { measuredTextReport } from "./measured_report.ts";
import { formatNumber } from "./report.ts";
import type { FinishedRun } from "./saved_run.ts";
import { type Verdict, verdictLines } from "./verdict.ts";

/** The percentiles of the latency chart: denser toward 100, up to 99.9999. */
const CHART_PERCENTS = Array.from({ length: 121 }, (_, at) => 100 - 100 / 10 ** (at / 20));

/** The HTML report of a measured run. It contains uPlot for its charts, and loads nothing. */
export function htmlReport({ measurement, facts }: FinishedRun, verdict: Verdict): string {
  const { timeline, histograms, latencies, achievedRate, deliveriesPerSecond, ledger } =
    measurement;
  const { delivery } = latencies;
  const data = {
    verdict: verdictLines(measurement, verdict, facts),
    isGood: verdict.isPassed,
    facts: `${facts.count} users, ${(facts.elapsedMs / 1000).toFixed(1)} s at ${facts.url}`,
    figures: [
      ["messages per second", formatNumber(achievedRate)],
      ["deliveries per second", formatNumber(deliveriesPerSecond)],
      ["latency p50, ms", delivery ? delivery.p50.toFixed(2) : "none"],
      ["latency p99, ms", delivery ? delivery.p99.toFixed(2) : "none"],
      ["lost", String(ledger.lost)],
    ],
    timeline,
    distribution: delivery
      ? CHART_PERCENTS.filter((percent) => delivery.count * (1 - percent / 100) >= 1)
        .map((percent) => ({ percent, ms: histograms.delivery.percentileMs(percent) }))
      : [],
    report: measuredTextReport(measurement, verdict, facts),
  };
  const parts: Readonly<Record<string, string>> = {
    STYLE: plotStyle + style,
    // Without this, "</script>" in a text would end the script element.
    DATA: JSON.stringify(data).replaceAll("<", "\\u003c"),
    SCRIPT: plotScript + script,
  };
  return page.replace(/\/\*([A-Z]+)\*\//g, (_, name: string) => parts[name]!);
}
