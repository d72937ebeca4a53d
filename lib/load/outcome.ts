import { EXIT_CODE } from "../cli/exit_code.ts";
import type { ClientConfig } from "./config.ts";
import { parseGate } from "./gate.ts";
import { measuredJsonReport, measuredTextReport } from "./measured_report.ts";
import { runMeasured } from "./measured_run.ts";
import { jsonReport, type RunFacts, textReport } from "./report.ts";
import { runLoad, type RunOptions } from "./run.ts";
import { judge } from "./verdict.ts";

/** What a run comes to. */
export interface Outcome {
  readonly report: (facts: RunFacts) => string;
  /** Unless the user stopped the run. */
  readonly exitCode: number;
}

/** Simulates users or, with `--rate`, measures the server with them. */
export async function runClient(config: ClientConfig, options: RunOptions): Promise<Outcome> {
  if (config.rate === 0) {
    const summary = await runLoad(config, options);
    return {
      report: (facts) => (config.json ? jsonReport : textReport)(summary, facts),
      exitCode: summary.isClean(config.count) ? EXIT_CODE.ok : EXIT_CODE.failure,
    };
  }
  const measurement = await runMeasured(config, options);
  const gates = config.expect.map((text) => parseGate(text)!);
  const verdict = judge(measurement, gates);
  const report = config.json ? measuredJsonReport : measuredTextReport;
  const isGood = verdict.isDelivered && measurement.summary.isClean(config.count);
  return {
    report: (facts) => report(measurement, verdict, facts),
    exitCode: verdict.gates.some(({ isPassed }) => !isPassed)
      ? EXIT_CODE.gate
      : isGood
      ? EXIT_CODE.ok
      : EXIT_CODE.failure,
  };
}
