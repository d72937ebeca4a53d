import process from "node:process";
import { type ClientConfig, isOrderChecked } from "./config.ts";
import { delay } from "./delay.ts";
import { RunClock } from "./measure/clock.ts";
import { type LedgerCounts, NO_COUNTS } from "./measure/delivery_counts.ts";
import { type Fault, firstOfEachKind } from "./measure/fault_log.ts";
import { createOrderTable } from "./measure/order_check.ts";
import type { Measurement } from "./measure/measurement.ts";
import { type PhaseOfRun, Recorder, type TimelinePoint } from "./measure/recorder.ts";
import { periodMs } from "./measure/schedule.ts";
import { increment, Summary } from "./measure/summary.ts";
import type { TalkOptions } from "./talk.ts";
import { rolesOf } from "./users/roles.ts";
import { planUsers } from "./users/user_plan.ts";
import type { LoadWorker, WorkerOptions, WorkerResult, WorkerSample } from "./users/worker.ts";
import { LocalWorker } from "./users/worker_local.ts";
import { ThreadWorker } from "./users/worker_thread.ts";

/**
 * How long to wait for what the client cannot observe, such as the server adding the last user to
 * the room.
 */
const QUIET_MS = 100;

/** How often the workers are sampled. */
const SAMPLE_INTERVAL_MS = 1000;

/** What {@linkcode runMeasured} needs besides the flags. */
export interface MeasuredRunOptions extends TalkOptions {
  /** Takes the state of the run, once a second. */
  readonly onProgress: (point: TimelinePoint) => void;
}

/** Measures a server: connects all users, sends on schedule, and checks every delivery. */
export async function runMeasured(
  config: ClientConfig,
  options: MeasuredRunOptions,
): Promise<Measurement> {
  using run = new MeasuredRun(config, options);
  return await run.measure();
}

class MeasuredRun implements Disposable {
  readonly #config: ClientConfig;
  readonly #options: MeasuredRunOptions;
  readonly #clock: RunClock;
  readonly #startEpochMs = performance.timeOrigin + performance.now();
  readonly #workers: readonly (LoadWorker & Partial<Disposable>)[];
  readonly #recorder = new Recorder(cpuMs());
  readonly #stop = () => this.#workers.forEach((worker) => worker.stop());
  readonly #printed = new Set<string>();
  #phase: () => PhaseOfRun = () => ({ phase: "connecting", sinceMs: 0 });

  constructor(config: ClientConfig, options: MeasuredRunOptions) {
    this.#config = config;
    this.#options = options;
    this.#clock = new RunClock(this.#startEpochMs);
    const { target, random, userLines } = options;
    const plan = planUsers(config, target, userLines ?? []);
    const shared = {
      config,
      target,
      startEpochMs: this.#startEpochMs,
      run: crypto.getRandomValues(new Uint16Array(1))[0]!,
      orderTable: isOrderChecked(config) ? createOrderTable(config.count) : undefined,
      sentBySender: new Int32Array(new SharedArrayBuffer(4 * rolesOf(config).senderCount)),
    };
    this.#workers = Array.from({ length: config.workers }, (_, index) => {
      const own: WorkerOptions = {
        ...shared,
        plan: { ...plan, users: plan.users.filter((_, at) => at % config.workers === index) },
        index,
        seed: Math.floor(random() * 2 ** 32),
      };
      const print = (notice: string) => this.#printOnce(notice);
      return config.workers === 1 ? new LocalWorker(own, print) : new ThreadWorker(own, print);
    });
  }

  async measure(): Promise<Measurement> {
    const { signal } = this.#options;
    signal.addEventListener("abort", this.#stop);
    if (signal.aborted) this.#stop();
    const over = new AbortController();
    const sampling = this.#sampleUntil(over.signal);
    // `sampling` is awaited below. Without this, an earlier failure would count as unhandled.
    sampling.catch(() => {});
    try {
      await this.#send(await this.#connect());
      const drainMs = this.#clock.nowMs;
      this.#phase = () => ({ phase: "draining", sinceMs: drainMs });
      await this.#drain();
    } finally {
      over.abort();
      await sampling;
    }
    const results = await Promise.all(this.#workers.map((worker) => worker.leave()));
    return this.#sum(results);
  }

  [Symbol.dispose](): void {
    this.#options.signal.removeEventListener("abort", this.#stop);
    this.#workers.forEach((worker) => worker[Symbol.dispose]?.());
  }

  /** @returns Which part of the rate is that of each worker: weights. */
  async #connect(): Promise<readonly number[]> {
    const { count, url } = this.#config;
    const { printNotice } = this.#options;
    printNotice(`Connecting ${count} ${count === 1 ? "user" : "users"} to ${url} (Ctrl-C stops)`);
    const weights = await Promise.all(this.#workers.map((worker) => worker.connect()));
    const samples = await this.#sample();
    const opened = samples.reduce((sum, { connections }) => sum + connections, 0);
    printNotice(`Connected: ${opened} of ${count}`);
    await delay(QUIET_MS, this.#options.signal);
    return weights;
  }

  async #send(weights: readonly number[]): Promise<void> {
    const { warmupMs, durationMs, rate } = this.#config;
    const all = weights.reduce((sum, each) => sum + each, 0);
    // The plan reaches other threads a little later.
    const startMs = this.#clock.nowMs + (this.#workers.length > 1 ? QUIET_MS : 0);
    const steadyMs = startMs + warmupMs;
    const endMs = durationMs === 0 ? Infinity : steadyMs + durationMs;
    this.#phase = () =>
      this.#clock.nowMs < steadyMs
        ? { phase: "warm-up", sinceMs: startMs }
        : { phase: "steady", sinceMs: steadyMs };
    await Promise.all(this.#workers.map((worker, index) =>
      worker.send({
        startMs,
        steadyMs,
        endMs,
        ratePerSecond: all === 0 ? 0 : rate * weights[index]! / all,
        offsetMs: rate === 0 ? 0 : 1000 * index / rate,
      })
    ));
    await Promise.all(this.#workers.map((worker) => worker.beginDrain()));
    await this.#sample();
  }

  /** Waits until everything has arrived, or nothing has arrived for `--drain-timeout`. */
  async #drain(): Promise<void> {
    const { drainTimeoutMs } = this.#config;
    const { signal } = this.#options;
    // An interrupt while sending still waits for messages under way. An interrupt during the drain
    // stops at once.
    const stop = signal.aborted ? new AbortController().signal : signal;
    let lastMs = performance.now();
    for (let own = -1; !stop.aborted;) {
      const samples = await this.#sample();
      if (samples.every(({ connections }) => connections === 0)) return;
      const now = samples.reduce((sum, sample) => sum + sample.own, 0);
      if (now !== own) {
        own = now;
        lastMs = performance.now();
      } else {
        const outstanding = await Promise.all(this.#workers.map((worker) => worker.outstanding()));
        const isComplete = outstanding.every((count) => count === 0);
        if (performance.now() - lastMs >= (isComplete ? QUIET_MS : drainTimeoutMs)) return;
      }
      await delay(QUIET_MS / 2, stop);
    }
  }

  async #sampleUntil(over: AbortSignal): Promise<void> {
    for (let atMs = SAMPLE_INTERVAL_MS; !over.aborted; atMs += SAMPLE_INTERVAL_MS) {
      await delay(atMs - this.#clock.nowMs, over);
      await this.#sample();
    }
  }

  async #sample(): Promise<readonly WorkerSample[]> {
    const phase = this.#phase();
    const samples = await Promise.all(this.#workers.map((worker) => worker.sample()));
    const point = this.#recorder.add(samples, phase, cpuMs());
    if (point) this.#options.onProgress(point);
    return samples;
  }

  #sum(results: readonly WorkerResult[]): Measurement {
    const summary = new Summary();
    const ledger = { ...NO_COUNTS };
    const slow = { count: 0, closeCodes: new Map<number, number>(), ledger: { ...NO_COUNTS } };
    const unsent = { disconnected: 0, blocked: 0 };
    const faults: Fault[] = [];
    let uncompared = 0;
    let [achievedRate, deliveriesPerSecond, churned] = [0, 0, 0];
    for (const result of results) {
      summary.add(result.summary);
      addCounts(ledger, result.ledger);
      faults.push(...result.faults);
      uncompared += result.uncompared;
      addCounts(slow.ledger, result.slow.ledger);
      slow.count += result.slow.count;
      result.slow.closeCodes.forEach((count, code) => increment(slow.closeCodes, code, count));
      unsent.disconnected += result.unsent.disconnected;
      unsent.blocked += result.unsent.blocked;
      churned += result.churned;
      const { seconds, sent, delivered } = result.steady;
      if (seconds <= 0) continue;
      achievedRate += sent / seconds;
      deliveriesPerSecond += delivered / seconds;
    }
    return {
      summary,
      ledger,
      faults: firstOfEachKind(faults),
      uncompared: isOrderChecked(this.#config) ? uncompared : undefined,
      slow,
      offeredRate: offeredRate(this.#config),
      achievedRate,
      deliveriesPerSecond,
      latencies: this.#recorder.close(),
      histogram: this.#recorder.delivery,
      timeline: this.#recorder.timeline.map((point, at, { length }) =>
        at === length - 1 ? { ...point, missing: ledger.lost } : point
      ),
      unsent,
      churned,
      busyCores: this.#recorder.busyCores,
      waitingCores: this.#recorder.waitingCores,
      workers: this.#workers.length,
    };
  }

  #printOnce(notice: string): void {
    if (this.#printed.has(notice)) return;
    this.#printed.add(notice);
    this.#options.printNotice(notice);
  }
}

function addCounts(to: LedgerCounts, counts: LedgerCounts): void {
  for (const key of Object.keys(to) as (keyof LedgerCounts)[]) to[key] += counts[key];
}

/** The CPU time of all threads of this process. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The messages per second that the flags ask for. */
function offeredRate(config: ClientConfig): number {
  if (config.rate > 0) return config.rate;
  const { senderCount } = rolesOf(config);
  let rate = 0;
  for (let id = 1; id <= senderCount; id++) rate += 1000 / periodMs(id, config);
  return rate;
}
