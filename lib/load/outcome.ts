import { EXIT_CODE } from "../cli/exit_code.ts";
import { checkDirectWrite, SLOW_WRITES_NOTICE } from "../websocket/transport/socket_transport.ts";
import { type ClientConfig, isMeasured } from "./config.ts";
import { searchMaxRate } from "./measure/find_max.ts";
import type { Measurement } from "./measure/measurement.ts";
import { type MeasuredRunOptions, runMeasured } from "./measured_run.ts";
import {
  clientLimitsOf,
  findMaxJsonReport,
  findMaxTextReport,
  type RateTrial,
} from "./report/find_max_report.ts";
import { parseGate, parseGates } from "./report/gate.ts";
import { htmlReport } from "./report/html_report.ts";
import { measuredJsonReport, measuredTextReport } from "./report/measured_report.ts";
import type { OutputFile } from "./report/output_file.ts";
import { jsonReport, type ReportFacts, textReport } from "./report/report.ts";
import { judge, type Verdict } from "./report/verdict.ts";
import { talk } from "./talk.ts";

/** What the client prints and writes at the end, and its exit code. */
export interface Outcome {
  /** The text to print. */
  readonly report: (facts: ReportFacts) => string;
  /** The files to write. */
  readonly files: (facts: ReportFacts) => readonly OutputFile[];
  /** The exit code, unless the user interrupted the client. */
  readonly exitCode: number;
}

/** Simulates users, measures a server, or finds its highest rate, depending on the flags. */
export async function runClient(
  config: ClientConfig,
  options: MeasuredRunOptions,
): Promise<Outcome> {
  if (!await checkDirectWrite()) options.printNotice(SLOW_WRITES_NOTICE);
  if (!isMeasured(config)) return talkOutcome(config, options);
  return config.findMax === "" ? measureOutcome(config, options) : findMaxOutcome(config, options);
}

async function talkOutcome(config: ClientConfig, options: MeasuredRunOptions): Promise<Outcome> {
  const summary = await talk(config, options);
  return {
    report: (facts) => (config.json ? jsonReport : textReport)(summary, facts),
    files: () => [],
    exitCode: summary.isClean(config.count) ? EXIT_CODE.ok : EXIT_CODE.failure,
  };
}

async function measureOutcome(config: ClientConfig, options: MeasuredRunOptions): Promise<Outcome> {
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
    exitCode: measurement.aborted ? EXIT_CODE.gate : exitCodeOf(verdict),
  };
}

function exitCodeOf({ gates, isPassed }: Verdict): number {
  if (gates.some((gate) => !gate.isPassed)) return EXIT_CODE.gate;
  return isPassed ? EXIT_CODE.ok : EXIT_CODE.failure;
}

/** The first rate of a search, in messages per second, without `--rate`. */
const FIRST_RATE = 100;

/** How long each run of a search sends, without `--duration`. */
const TRIAL_MS = 5000;

/** A rate fails if less than this part of it was sent. */
const MIN_SENT_PART = 0.9;

/** Whether the server refused no message and left none unanswered, as far as it answers. */
function isAccepted({ acks }: Measurement): boolean {
  return !acks || acks.refused + acks.unanswered === 0;
}

async function findMaxOutcome(config: ClientConfig, options: MeasuredRunOptions): Promise<Outcome> {
  const gates = parseGates(config.findMax)!;
  const trials: RateTrial[] = [];
  const nothingArrived = () => trials[0]?.measurement.ledger.delivered === 0;
  const maxRate = await searchMaxRate(config.rate || FIRST_RATE, async (rate) => {
    // If nothing arrives at the first rate, no other rate can pass.
    if (nothingArrived() || options.signal.aborted) return undefined;
    options.printNotice(`Trying ${rate} messages/s`);
    const durationMs = config.durationMs || TRIAL_MS;
    const measurement = await runMeasured({ ...config, rate, durationMs }, options);
    if (options.signal.aborted) return undefined;
    const verdict = judge(measurement, { gates, count: config.count, isStrict: false });
    const isPassed = verdict.gates.every(({ isPassed }) => isPassed) &&
      measurement.summary.isClean(config.count) && isAccepted(measurement) &&
      measurement.achievedRate >= MIN_SENT_PART * rate;
    trials.push({ rate, measurement, verdict, isPassed });
    return isPassed;
  });
  const result = { gates: config.findMax, trials, maxRate };
  const isLimited = config.strict && clientLimitsOf(trials).length > 0;
  return {
    report: (facts) => (config.json ? findMaxJsonReport : findMaxTextReport)(result, facts),
    files: () => [],
    exitCode: nothingArrived() || isLimited
      ? EXIT_CODE.failure
      : maxRate === 0
      ? EXIT_CODE.gate
      : EXIT_CODE.ok,
  };
}
