import { EXIT_CODE } from "../../cli/exit_code.ts";
import type { Measurement } from "../measure/measurement.ts";
import { compare } from "./comparison.ts";
import { parseGate } from "./gate.ts";
import { htmlReport } from "./html_report.ts";
import { measuredJsonReport, measuredTextReport } from "./measured_report.ts";
import type { OutputFile } from "./output_file.ts";
import type { FinishedRun } from "./saved_run/saved_run.ts";
import { judge, type Verdict } from "./verdict.ts";

/**
 * Judges a run, at its end or later from its file.
 *
 * @param expect The gates of `--expect`.
 */
export function judgeRun(
  { measurement, config, baseline }: Omit<FinishedRun, "origin" | "given" | "facts">,
  expect: readonly string[],
): Verdict {
  return judge(measurement, {
    gates: expect.map((text) => parseGate(text)!),
    count: config.count,
    isStrict: config.strict,
    baseline: baseline?.metrics,
  });
}

/** The report on standard output. */
export function printedReport(
  { measurement, config, baseline, facts }: Omit<FinishedRun, "origin" | "given">,
  verdict: Verdict,
  { json }: { readonly json: boolean },
): string {
  const comparison = baseline && compare(measurement, config, baseline);
  const report = json ? measuredJsonReport : measuredTextReport;
  return report(measurement, verdict, { ...facts, comparison });
}

/** The files of `--report` and `--hdr`. */
export function reportFiles(
  run: FinishedRun,
  verdict: Verdict,
  { report, hdr }: { readonly report: string; readonly hdr: string },
): readonly OutputFile[] {
  const files: OutputFile[] = [];
  if (report !== "") files.push({ path: report, text: htmlReport(run, verdict) });
  if (hdr !== "") {
    files.push({ path: hdr, text: run.measurement.histograms.delivery.distributionText });
  }
  return files;
}

/** The exit code of a judged run. */
export function exitCodeOf({ gates, isPassed }: Verdict, { aborted }: Measurement): number {
  if (aborted) return EXIT_CODE.gate;
  if (gates.some((gate) => !gate.isPassed)) return EXIT_CODE.gate;
  return isPassed ? EXIT_CODE.ok : EXIT_CODE.failure;
}
