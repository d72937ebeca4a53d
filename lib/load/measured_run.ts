import { type ClientConfig, isOrderChecked } from "./config.ts";
import { delay } from "./delay.ts";
import { drain, QUIET_MS } from "./drain.ts";
import { HistoryError } from "./history/history_pages.ts";
import { cpuMs, RunClock } from "./measure/clock.ts";
import type { Aborted, Measurement } from "./measure/measurement.ts";
import { createOrderTable } from "./measure/ledger/order_check.ts";
import { type PhaseOfRun, Recorder, type TimelinePoint } from "./measure/recorder.ts";
import { intervalRate } from "./measure/schedule.ts";
import { ServerMetrics } from "./measure/server_metrics.ts";
import { StageMerger } from "./measure/stage_results.ts";
import { type RatePlan, ratePlanOf, stageAt } from "./pace/rate_plan.ts";
import { EarlyAbort, runSoFar } from "./report/early_abort.ts";
import { parseGate } from "./report/gate.ts";
import { RunChecks } from "./run_checks.ts";
import { sumResults } from "./sum_results.ts";
import type { TalkOptions } from "./talk.ts";
import { lookUpName } from "./users/connection/name_lookup.ts";
import { rolesOf } from "./users/roles.ts";
import { planUsers } from "./users/user_plan.ts";
import type { LoadWorker, WorkerOptions, WorkerResult, WorkerSample } from "./users/worker.ts";
import { LocalWorker } from "./users/worker_local.ts";
import { ThreadWorker } from "./users/worker_thread.ts";

/** How often the workers are sampled. */
const SAMPLE_INTERVAL_MS = 1000;

/** What {@linkcode runMeasured} needs besides the flags. */
export interface MeasuredRunOptions extends TalkOptions {
  /** Takes the state of the run, once a second. */
  readonly onProgress: (point: TimelinePoint) => void;
}

/**
 * Measures a server: connects all users, sends on schedule, and checks every delivery.
 *
 * @throws {ServerMetricsError} If the metrics of `--server-metrics` cannot be read.
 * @throws {HistoryError} If `--check history` cannot read the history before the run sends.
 */
export async function runMeasured(
  config: ClientConfig,
  options: MeasuredRunOptions,
): Promise<Measurement> {
  using server = await openServerMetrics(config, options);
  const { target, signal } = options;
  const lookup = await lookUpName(target.url, { timeoutMs: config.connectTimeoutMs, signal });
  using run = new MeasuredRun(config, { ...options, target: { ...target, lookup } }, server);
  return await run.measure();
}

function openServerMetrics({ serverMetrics }: ClientConfig, options: MeasuredRunOptions) {
  const { target: { caCerts }, signal, printNotice } = options;
  return serverMetrics === ""
    ? undefined
    : ServerMetrics.open(serverMetrics, { caCerts, signal, printNotice });
}

class MeasuredRun implements Disposable {
  readonly #config: ClientConfig;
  readonly #options: MeasuredRunOptions;
  readonly #server: ServerMetrics | undefined;
  readonly #clock: RunClock;
  readonly #startEpochMs = performance.timeOrigin + performance.now();
  readonly #workers: readonly (LoadWorker & Partial<Disposable>)[];
  readonly #checks: RunChecks;
  readonly #recorder = new Recorder(cpuMs());
  readonly #stop = () => this.#workers.forEach((worker) => worker.stop());
  readonly #printed = new Set<string>();
  readonly #ratePlan: RatePlan;
  readonly #stages: StageMerger;
  readonly #earlyAbort: EarlyAbort;
  #aborted: Aborted | undefined;
  /** Ends the drain and the checks. An interrupt does, but not one while sending. */
  #endNow = new AbortController().signal;
  /** How long the steady phase lasted. */
  #sentMs = 0;
  readonly #steady = { fromMs: Infinity, untilMs: Infinity };
  #phase: () => PhaseOfRun = () => ({ phase: "connecting", sinceMs: 0 });

  constructor(
    config: ClientConfig,
    options: MeasuredRunOptions,
    server: ServerMetrics | undefined,
  ) {
    this.#config = config;
    this.#options = options;
    this.#server = server;
    this.#clock = new RunClock(this.#startEpochMs);
    this.#ratePlan = ratePlanOf(config);
    this.#stages = new StageMerger(this.#ratePlan.stages);
    this.#earlyAbort = new EarlyAbort(config.abort.map((text) => parseGate(text)!));
    const { target, random, userLines } = options;
    const plan = planUsers(config, target, userLines ?? []);
    this.#checks = new RunChecks({
      ...{ config, target, plan, random },
      startEpochMs: this.#startEpochMs,
    });
    const shared = {
      ...{ config, target, startEpochMs: this.#startEpochMs },
      ...this.#checks.shared,
      orderTable: isOrderChecked(config) ? createOrderTable(config.count) : undefined,
    };
    this.#workers = Array.from({ length: config.workers }, (_, index) => {
      const own: WorkerOptions = {
        ...shared,
        plan: { ...plan, users: plan.users.filter((_, at) => at % config.workers === index) },
        index,
        seed: Math.floor(random() * 2 ** 32),
      };
      const print = this.#printOnce.bind(this);
      return config.workers === 1 ? new LocalWorker(own, print) : new ThreadWorker(own, print);
    });
  }

  async measure(): Promise<Measurement> {
    const { signal, printNotice } = this.#options;
    signal.addEventListener("abort", this.#stop);
    if (signal.aborted) this.#stop();
    try {
      await this.#runPhases();
    } catch (error) {
      if (error instanceof HistoryError) await this.#leave();
      throw error;
    }
    if (this.#config.check.includes("history")) printNotice("Reading the history (Ctrl-C stops)");
    await this.#checks.end(this.#workers, this.#endNow);
    return this.#sum(await this.#leave());
  }

  [Symbol.dispose](): void {
    this.#options.signal.removeEventListener("abort", this.#stop);
    this.#workers.forEach((worker) => worker[Symbol.dispose]?.());
  }

  #leave(): Promise<readonly WorkerResult[]> {
    return Promise.all(this.#workers.map((worker) => worker.leave()));
  }

  async #runPhases(): Promise<void> {
    const over = new AbortController();
    const sampling = Promise.all([
      this.#sampleUntil(over.signal),
      this.#server?.sampleUntil(over.signal, this.#clock),
    ]);
    // `sampling` is awaited below. Without this, an earlier failure would count as unhandled.
    sampling.catch(() => {});
    try {
      await this.#send(await this.#connect());
      if (!this.#options.signal.aborted) this.#endNow = this.#options.signal;
      const drainMs = this.#clock.nowMs;
      this.#phase = () => ({ phase: "draining", sinceMs: drainMs });
      this.#steady.untilMs = drainMs;
      await this.#drain();
    } finally {
      over.abort();
      await sampling;
    }
  }

  /** @returns Which part of the rate is that of each worker: weights. */
  async #connect(): Promise<readonly number[]> {
    const { count, url } = this.#config;
    const { printNotice, signal } = this.#options;
    printNotice(`Connecting ${count} ${count === 1 ? "user" : "users"} to ${url} (Ctrl-C stops)`);
    const weights = await Promise.all(this.#workers.map((worker) => worker.connect()));
    const samples = await this.#sample();
    const opened = samples.reduce((sum, { connections }) => sum + connections, 0);
    printNotice(`Connected: ${opened} of ${count}`);
    await delay(QUIET_MS, signal);
    await this.#checks.begin(signal);
    return weights;
  }

  async #send(weights: readonly number[]): Promise<void> {
    const { warmupMs, steadyMs: lengthMs, stages } = this.#ratePlan;
    const all = weights.reduce((sum, each) => sum + each, 0);
    // The plan reaches other threads a little later.
    const startMs = this.#clock.nowMs + (this.#workers.length > 1 ? QUIET_MS : 0);
    const steadyMs = startMs + warmupMs;
    this.#steady.fromMs = steadyMs;
    const endMs = lengthMs === 0 ? Infinity : steadyMs + lengthMs;
    this.#phase = () => {
      const { nowMs } = this.#clock;
      if (nowMs < steadyMs) return { phase: "warm-up", sinceMs: startMs };
      return { phase: "steady", sinceMs: steadyMs, stage: stageAt(stages, nowMs - steadyMs) };
    };
    const sent = new AbortController();
    const watching = this.#watchStages(steadyMs, sent.signal);
    try {
      await Promise.all(this.#workers.map((worker, index) => {
        const part = all === 0 ? 0 : weights[index]! / all;
        return worker.send({ startMs, steadyMs, endMs, part });
      }));
    } finally {
      sent.abort();
      await watching;
    }
    this.#sentMs = Math.max(0, Math.min(this.#clock.nowMs, endMs) - steadyMs);
    await Promise.all(this.#workers.map((worker) => worker.beginDrain()));
    await this.#sample();
  }

  /** Samples the workers at the end of each stage but the last. */
  async #watchStages(steadyMs: number, over: AbortSignal): Promise<void> {
    const { stages } = this.#ratePlan;
    for (let at = 1; at < stages.length; at++) {
      await delay(steadyMs + stages[at]!.startMs - this.#clock.nowMs, over);
      if (over.aborted) return;
      const samples = await this.#sample({ phase: "steady", sinceMs: steadyMs, stage: at });
      this.#stages.endStage(samples.reduce((sum, { ledger }) => sum + ledger.lost, 0));
    }
  }

  /** Waits for messages under way. */
  async #drain(): Promise<void> {
    const { drainTimeoutMs: timeoutMs } = this.#config;
    await drain({
      workers: this.#workers,
      sample: () => this.#sample(),
      timeoutMs,
      // A run that was aborted early does not wait for all that an overloaded server has buffered.
      longestMs: this.#aborted ? timeoutMs : Infinity,
      stop: this.#endNow,
    });
  }

  async #sampleUntil(over: AbortSignal): Promise<void> {
    for (let atMs = SAMPLE_INTERVAL_MS; !over.aborted; atMs += SAMPLE_INTERVAL_MS) {
      await delay(atMs - this.#clock.nowMs, over);
      this.#abortIfNeeded(await this.#sample());
    }
  }

  async #sample(phase = this.#phase()): Promise<readonly WorkerSample[]> {
    const samples = await Promise.all(this.#workers.map((worker) => worker.sample()));
    const point = this.#recorder.add(samples, phase, cpuMs(), this.#server?.latest);
    for (const { stages } of samples) this.#stages.add(stages);
    if (point) this.#options.onProgress(point);
    return samples;
  }

  /** Ends the sending if a gate of `--abort` holds. */
  #abortIfNeeded(samples: readonly WorkerSample[]): void {
    const { phase, sinceMs } = this.#phase();
    if (phase !== "steady" || this.#aborted) return;
    const { nowMs } = this.#clock;
    const latency = this.#recorder.delivery.summary;
    const hit = this.#earlyAbort.judge(runSoFar(samples, { atMs: nowMs, latency }));
    if (!hit) return;
    const steadySeconds = (nowMs - sinceMs) / 1000;
    this.#aborted = { gate: hit.gate.text, value: hit.value!, steadySeconds };
    this.#stop();
  }

  #sum(results: readonly WorkerResult[]): Measurement {
    const { lookup } = this.#options.target;
    const sums = sumResults(results);
    return {
      ...sums,
      uncompared: isOrderChecked(this.#config) ? sums.uncompared : undefined,
      ...this.#checks.reports(results),
      offeredRate: this.#offeredRate,
      latencies: this.#recorder.close(),
      histograms: this.#recorder.histograms,
      lookupMs: lookup && "ms" in lookup ? lookup.ms : undefined,
      timeline: this.#recorder.timeline.map((point, at, { length }) =>
        at === length - 1 ? { ...point, missing: sums.ledger.lost } : point
      ),
      stages: this.#stages.results(this.#sentMs, sums.ledger.lost),
      aborted: this.#aborted,
      busyCores: this.#recorder.busyCores,
      waitingCores: this.#recorder.waitingCores,
      workers: this.#workers.length,
      server: this.#server?.summary(this.#steady.fromMs, this.#steady.untilMs),
    };
  }

  /** The messages per second that the flags ask for, in the part of the steady phase that ran. */
  get #offeredRate(): number {
    if (!this.#ratePlan.pacer) return intervalRate(rolesOf(this.#config).senderCount, this.#config);
    const ms = this.#ratePlan.stages.length === 0 ? 1000 : this.#sentMs;
    return ms === 0 ? 0 : this.#ratePlan.steadyMessages(ms) * 1000 / ms;
  }

  #printOnce(notice: string): void {
    if (this.#printed.has(notice)) return;
    this.#printed.add(notice);
    this.#options.printNotice(notice);
  }
}
