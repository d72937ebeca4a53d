import plotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import plotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import { formatNumber } from "./format_number.ts";
import page from "./html_report/report.html" with { type: "text" };
import script from "./html_report/report.js" with { type: "text" };
import style from "./html_report/report.css" with { type: "text" };
import { measuredTextReport, verdictLines } from "./measured_report.ts";
import type { Measurement } from "../measured_run.ts";
import type { RunFacts } from "./report.ts";
import type { Verdict } from "./verdict.ts";

/** The percentiles of the latency chart: ever finer towards 100, to one in a million. */
const CHART_PERCENTS = Array.from({ length: 121 }, (_, at) => 100 - 100 / 10 ** (at / 20));

/** A report of a measured run as one page, which loads nothing: charts drawn by uPlot, which is in it. */
export function htmlReport(measurement: Measurement, verdict: Verdict, facts: RunFacts): string {
  const { timeline, histogram, latencies, achievedRate, deliveriesPerSecond, ledger } = measurement;
  const { delivery } = latencies;
  const data = {
    verdict: verdictLines(measurement, verdict, facts),
    isGood: verdict.isPassed,
    facts: `${facts.count} users, ${(facts.elapsedMs / 1000).toFixed(1)} s at ${facts.url}`,
    figures: [
      ["messages per second", formatNumber(achievedRate)],
      ["deliveries per second", formatNumber(deliveriesPerSecond)],
      ["p50, ms", delivery ? delivery.p50.toFixed(2) : "none"],
      ["p99, ms", delivery ? delivery.p99.toFixed(2) : "none"],
      ["lost", String(ledger.lost)],
    ],
    timeline,
    distribution: delivery
      ? CHART_PERCENTS.filter((percent) => delivery.count * (1 - percent / 100) >= 1)
        .map((percent) => ({ percent, ms: histogram.percentileMs(percent) }))
      : [],
    report: measuredTextReport(measurement, verdict, facts),
  };
  const parts: Readonly<Record<string, string>> = {
    STYLE: plotStyle + style,
    // A text in it could end the script that it stands in.
    DATA: JSON.stringify(data).replaceAll("<", "\\u003c"),
    SCRIPT: plotScript + script,
  };
  return page.replace(/\/\*([A-Z]+)\*\//g, (_, name: string) => parts[name]!);
}
