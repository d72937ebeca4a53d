import { EXIT_CODE } from "../cli/exit_code.ts";
import { checkDirectWrite, SLOW_WRITES_NOTICE } from "../websocket/socket_transport.ts";
import { isMeasured } from "./client_faults.ts";
import type { ClientConfig } from "./config.ts";
import { searchMaxRate } from "./measure/find_max.ts";
import {
  clientLimitsOf,
  findMaxJsonReport,
  findMaxTextReport,
  type Probe,
} from "./report/find_max_report.ts";
import { parseGate, parseGates } from "./report/gate.ts";
import { htmlReport } from "./report/html_report.ts";
import { measuredJsonReport, measuredTextReport } from "./report/measured_report.ts";
import { type MeasuredRunOptions, runMeasured } from "./measured_run.ts";
import type { OutputFile } from "./report/output_file.ts";
import { jsonReport, type RunFacts, textReport } from "./report/report.ts";
import { runLoad } from "./talk.ts";
import { judge, type Verdict } from "./report/verdict.ts";

/** What a run comes to. */
export interface Outcome {
  readonly report: (facts: RunFacts) => string;
  /** What is to be written beside it. */
  readonly files: (facts: RunFacts) => readonly OutputFile[];
  /** Unless the user stopped the run. */
  readonly exitCode: number;
}

/** Simulates users, measures the server with them, or finds the highest rate that it holds. */
export async function runClient(
  config: ClientConfig,
  options: MeasuredRunOptions,
): Promise<Outcome> {
  if (!await checkDirectWrite()) {
    options.printNotice(SLOW_WRITES_NOTICE);
  }
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
  const verdict = judge(measurement, {
    gates: config.expect.map((text) => parseGate(text)!),
    count: config.count,
    isStrict: config.strict,
  });
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
    exitCode: exitCodeOf(verdict),
  };
}

function exitCodeOf({ gates, isPassed }: Verdict): number {
  if (gates.some((gate) => !gate.isPassed)) return EXIT_CODE.gate;
  return isPassed ? EXIT_CODE.ok : EXIT_CODE.failure;
}

/** The rate that a search tries first and how long each of its runs sends, if that is not given. */
const [FIRST_RATE, PROBE_MS] = [100, 5000];

/** The part of a rate that must have been sent, or it was not tried at all. */
const SENT_PART = 0.9;

async function findMax(config: ClientConfig, options: MeasuredRunOptions): Promise<Outcome> {
  const gates = parseGates(config.findMax)!;
  let [isFirst, isHopeless] = [true, false];
  const tryRate = async (rate: number): Promise<Probe | undefined> => {
    if (isHopeless || options.signal.aborted) return undefined;
    options.printNotice(`Trying ${rate} messages/s`);
    const durationMs = config.durationMs || PROBE_MS;
    const measurement = await runMeasured({ ...config, rate, durationMs }, options);
    if (options.signal.aborted) return undefined;
    const verdict = judge(measurement, { gates, count: config.count, isStrict: false });
    // Where nobody can be connected or heard, no rate holds.
    isHopeless = isFirst && measurement.ledger.delivered === 0;
    isFirst = false;
    const holds = verdict.gates.every(({ isPassed }) => isPassed) &&
      measurement.summary.isClean(config.count) && measurement.achievedRate >= SENT_PART * rate;
    return { rate, measurement, verdict, holds };
  };
  const probes = await searchMaxRate(config.rate || FIRST_RATE, tryRate);
  const maxRate = Math.max(0, ...probes.filter(({ holds }) => holds).map(({ rate }) => rate));
  const result = { gates: config.findMax, probes, maxRate };
  const isLimited = config.strict && clientLimitsOf(probes).length > 0;
  return {
    report: (facts) => (config.json ? findMaxJsonReport : findMaxTextReport)(result, facts),
    files: () => [],
    exitCode: isHopeless || isLimited
      ? EXIT_CODE.failure
      : maxRate === 0
      ? EXIT_CODE.gate
      : EXIT_CODE.ok,
  };
}
