import { EXIT_CODE } from "../cli/exit_code.ts";
import { checkDirectWrite, SLOW_WRITES_NOTICE } from "../websocket/transport/socket_transport.ts";
import { type ClientConfig, isMeasured } from "./config.ts";
import { searchMaxRate } from "./measure/find_max.ts";
import type { Measurement } from "./measure/measurement.ts";
import { type MeasuredRunOptions, runMeasured } from "./measured_run.ts";
import { areMessagesAcked } from "./report/ack_lines.ts";
import {
  clientLimitsOf,
  findMaxJsonReport,
  findMaxTextReport,
  type RateTrial,
} from "./report/find_max_report.ts";
import type { Baseline } from "./report/comparison.ts";
import { parseGates } from "./report/gate.ts";
import { isHistoryComplete } from "./report/history_lines.ts";
import type { OutputFile } from "./report/output_file.ts";
import { exitCodeOf, judgeRun, printedReport, reportFiles } from "./report/run_reports.ts";
import { type FinishedRun, savedRunText } from "./report/saved_run/saved_run.ts";
import { jsonReport, type ReportFacts, textReport } from "./report/report.ts";
import { judge, type Verdict } from "./report/verdict.ts";
import { talk } from "./talk.ts";

/** What the client prints and writes at the end, and its exit code. */
export interface Outcome {
  /** The text to print. */
  readonly report: (facts: ReportFacts) => string;
  /** The files to write. That of `--save` is the first: all others can be made from it. */
  readonly files: (facts: ReportFacts, source: RunSource) => Iterable<OutputFile>;
  /** The exit code, unless the user interrupted the client. */
  readonly exitCode: number;
}

/** What {@linkcode runClient} needs besides the flags. */
export interface ClientOptions extends MeasuredRunOptions {
  /** The run to compare with. */
  readonly baseline?: Baseline | undefined;
}

/** Where a run comes from, and what it was asked to do. */
export type RunSource = Pick<FinishedRun, "origin" | "config" | "given">;

/** Simulates users, measures a server, or finds its highest rate, depending on the flags. */
export async function runClient(
  config: ClientConfig,
  options: ClientOptions,
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

async function measureOutcome(config: ClientConfig, options: ClientOptions): Promise<Outcome> {
  const { baseline } = options;
  const measurement = await runMeasured(config, options);
  const verdict = judgeRun({ measurement, config, baseline }, config.expect);
  return {
    report: (facts) => printedReport({ measurement, config, baseline, facts }, verdict, config),
    files: function* (facts, source) {
      const run = { ...source, facts, measurement, baseline };
      if (config.save !== "") yield { path: config.save, text: savedRunText(run) };
      yield* reportFiles(run, verdict, config);
    },
    exitCode: exitCodeOf(verdict, measurement),
  };
}

/** The first rate of a search, in messages per second, without `--rate`. */
const FIRST_RATE = 100;

/** How long each run of a search sends, without `--duration`. */
const TRIAL_MS = 5000;

/** A rate fails if less than this part of it was sent. */
const MIN_SENT_PART = 0.9;

/**
 * Whether a rate passes: all gates pass, all users connected and stayed connected, the rate was
 * sent, and the acks, the history, and the order are right, as far as they were checked.
 */
export function isRatePassed(
  measurement: Measurement,
  { gates }: Pick<Verdict, "gates">,
  { rate, count }: { readonly rate: number; readonly count: number },
): boolean {
  const { summary, ledger, achievedRate } = measurement;
  return gates.every(({ isPassed }) => isPassed) && summary.isClean(count) &&
    areMessagesAcked(measurement) && isHistoryComplete(measurement) && ledger.misordered === 0 &&
    achievedRate >= MIN_SENT_PART * rate;
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
    const isPassed = isRatePassed(measurement, verdict, { rate, count: config.count });
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
