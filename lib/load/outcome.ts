import { EXIT_CODE } from "../cli/exit_code.ts";
import { isMeasured } from "./client_faults.ts";
import type { ClientConfig } from "./config.ts";
import { FIRST_RATE, nextRate } from "./find_max.ts";
import { findMaxJsonReport, findMaxTextReport, type Probe } from "./find_max_report.ts";
import { type Gate, parseGate, parseGates } from "./gate.ts";
import { htmlReport } from "./html_report.ts";
import { measuredJsonReport, measuredTextReport } from "./measured_report.ts";
import { type MeasuredRunOptions, type Measurement, runMeasured } from "./measured_run.ts";
import type { OutputFile } from "./output_file.ts";
import { jsonReport, type RunFacts, textReport } from "./report.ts";
import { runLoad } from "./run.ts";
import { judge, type Verdict } from "./verdict.ts";

/** What a run comes to. */
export interface Outcome {
  readonly report: (facts: RunFacts) => string;
  /** What is to be written beside it. */
  readonly files: (facts: RunFacts) => readonly OutputFile[];
  /** Unless the user stopped the run. */
  readonly exitCode: number;
}

/** Simulates users, measures the server with them, or finds the highest rate that it holds. */
export function runClient(config: ClientConfig, options: MeasuredRunOptions): Promise<Outcome> {
  if (!isMeasured(config)) return talk(config, options);
  return config.findMax === "" ? measure(config, options) : findMax(config, options);
}

async function talk(config: ClientConfig, options: MeasuredRunOptions): Promise<Outcome> {
  const summary = await runLoad(config, options);
  return {
    report: (facts) => (config.json ? jsonReport : textReport)(summary, facts),
    files: () => [],
    exitCode: summary.isClean(config.count) ? EXIT_CODE.ok : EXIT_CODE.failure,
  };
}

async function measure(config: ClientConfig, options: MeasuredRunOptions): Promise<Outcome> {
  const measurement = await runMeasured(config, options);
  const verdict = judge(measurement, config.expect.map((text) => parseGate(text)!));
  const report = config.json ? measuredJsonReport : measuredTextReport;
  return {
    report: (facts) => report(measurement, verdict, facts),
    files: (facts) => [
      ...config.report === ""
        ? []
        : [{ path: config.report, text: htmlReport(measurement, verdict, facts) }],
      ...config.hdr === ""
        ? []
        : [{ path: config.hdr, text: measurement.histogram.distributionText }],
    ],
    exitCode: exitCodeOf(config, measurement, verdict),
  };
}

function exitCodeOf(config: ClientConfig, { summary }: Measurement, verdict: Verdict): number {
  if (verdict.gates.some(({ isPassed }) => !isPassed)) return EXIT_CODE.gate;
  const isGood = verdict.isDelivered && summary.isClean(config.count);
  const isLimited = config.strict && verdict.clientLimits.length > 0;
  return isGood && !isLimited ? EXIT_CODE.ok : EXIT_CODE.failure;
}

/** How long each run of a search sends, if that is not given. */
const PROBE_MS = 5000;

async function findMax(config: ClientConfig, options: MeasuredRunOptions): Promise<Outcome> {
  const gates = parseGates(config.findMax)!;
  const probes: Probe[] = [];
  let [held, failed] = [0, Infinity];
  for (
    let rate: number | undefined = config.rate || FIRST_RATE;
    rate !== undefined && !options.signal.aborted;
    rate = nextRate({ held, failed }, config.rate || FIRST_RATE)
  ) {
    options.printNotice(`Trying ${rate} messages/s`);
    const probe = await tryRate({ ...config, rate, durationMs: config.durationMs || PROBE_MS }, {
      gates,
      ...options,
    });
    if (options.signal.aborted) break;
    probes.push(probe);
    if (probe.holds) held = rate;
    else failed = rate;
    // Where nobody can be connected or heard, no rate holds.
    if (probe.measurement.ledger.delivered === 0) break;
  }
  const result = { gates: config.findMax, probes, maxRate: held };
  const isLimited = config.strict &&
    probes.some(({ holds, verdict }) => !holds && verdict.clientLimits.length > 0);
  return {
    report: (facts) => (config.json ? findMaxJsonReport : findMaxTextReport)(result, facts),
    files: () => [],
    exitCode: held === 0 ? EXIT_CODE.gate : isLimited ? EXIT_CODE.failure : EXIT_CODE.ok,
  };
}

/** The part of the rate that must have been sent, or it was not tried at all. */
const SENT_PART = 0.98;

async function tryRate(
  config: ClientConfig,
  { gates, ...options }: MeasuredRunOptions & { readonly gates: readonly Gate[] },
): Promise<Probe> {
  const measurement = await runMeasured(config, options);
  const verdict = judge(measurement, gates);
  return {
    rate: config.rate,
    measurement,
    verdict,
    holds: verdict.gates.every(({ isPassed }) => isPassed) &&
      measurement.summary.isClean(config.count) &&
      measurement.achievedRate >= SENT_PART * config.rate,
  };
}
