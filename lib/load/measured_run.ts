import process from "node:process";
import type { ClientConfig } from "./config.ts";
import { delay } from "./delay.ts";
import type { LatencyHistogram } from "./measure/latency.ts";
import { type LedgerCounts, NO_COUNTS } from "./measure/ledger.ts";
import {
  type PhaseOfRun,
  Recorder,
  type RunLatencies,
  type TimelinePoint,
} from "./measure/recorder.ts";
import { rolesOf } from "./users/roles.ts";
import type { RunOptions } from "./talk.ts";
import { RunClock } from "./measure/run_clock.ts";
import { periodMs } from "./measure/schedule.ts";
import { increment, Summary } from "./measure/summary.ts";
import type {
  LoadWorker,
  SlowReaders,
  Unsent,
  WorkerOptions,
  WorkerResult,
  WorkerSample,
} from "./users/worker.ts";
import { LocalWorker } from "./users/worker_local.ts";
import { ThreadWorker } from "./users/worker_thread.ts";

/** How long a server may take to count those in who have just connected, and how long it is quiet when all is said. */
const QUIET_MS = 100;

/** How often the workers are asked what they have measured. */
const SAMPLE_INTERVAL_MS = 1000;

/** What a measured run has found. */
export interface Measurement {
  readonly summary: Summary;
  readonly ledger: LedgerCounts;
  readonly slow: SlowReaders;
  /** Messages a second that were asked for, and that were sent, in the steady phase. */
  readonly offeredRate: number;
  readonly achievedRate: number;
  readonly deliveriesPerSecond: number;
  readonly latencies: RunLatencies;
  /** From when a message was planned until it came, in the steady phase. */
  readonly histogram: LatencyHistogram;
  readonly timeline: readonly TimelinePoint[];
  readonly unsent: Unsent;
  /** How many users have left and come again, as `--churn` has it. */
  readonly churned: number;
  /** How many cores the client kept busy while it sent, undefined if that was too short, and how many threads it had. */
  readonly busyCores: number | undefined;
  readonly workers: number;
}

/** What a measured run needs. */
export interface MeasuredRunOptions extends RunOptions {
  /** Takes where the run is, once a second. */
  readonly onProgress: (point: TimelinePoint) => void;
}

/** Measures a server: everybody connects, some send on a schedule, and every delivery is checked. */
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
  readonly #told = new Set<string>();
  #phase: () => PhaseOfRun = () => ({ phase: "connecting", sinceMs: 0 });

  constructor(config: ClientConfig, options: MeasuredRunOptions) {
    this.#config = config;
    this.#options = options;
    this.#clock = new RunClock(this.#startEpochMs);
    const { target, random } = options;
    const shared = {
      config,
      target,
      startEpochMs: this.#startEpochMs,
      run: crypto.getRandomValues(new Uint16Array(1))[0]!,
      sentBySender: new Int32Array(new SharedArrayBuffer(4 * rolesOf(config).senderCount)),
    };
    this.#workers = Array.from({ length: config.workers }, (_, index) => {
      const own: WorkerOptions = { ...shared, index, seed: Math.floor(random() * 2 ** 32) };
      const tell = (notice: string) => this.#tellOnce(notice);
      return config.workers === 1 ? new LocalWorker(own, tell) : new ThreadWorker(own, tell);
    });
  }

  async measure(): Promise<Measurement> {
    const { signal } = this.#options;
    signal.addEventListener("abort", this.#stop);
    if (signal.aborted) this.#stop();
    const over = new AbortController();
    const sampling = this.#sampleUntil(over.signal);
    // It is awaited in the end, and until then its failure is not unheard of.
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

  /** @returns How many senders of each worker are connected. */
  async #connect(): Promise<readonly number[]> {
    const { count, url } = this.#config;
    const { printNotice } = this.#options;
    printNotice(`Connecting ${count} ${count === 1 ? "user" : "users"} to ${url} (Ctrl-C stops)`);
    const senders = await Promise.all(this.#workers.map((worker) => worker.connect()));
    const samples = await this.#sample();
    const opened = samples.reduce((sum, { connections }) => sum + connections, 0);
    printNotice(`Connected: ${opened} of ${count}`);
    await delay(QUIET_MS, this.#options.signal);
    return senders;
  }

  async #send(senders: readonly number[]): Promise<void> {
    const { warmupMs, durationMs, rate } = this.#config;
    const all = senders.reduce((sum, each) => sum + each, 0);
    // Other threads learn of the plan a little later.
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
        ratePerSecond: all === 0 ? 0 : rate * senders[index]! / all,
        offsetMs: rate === 0 ? 0 : 1000 * index / rate,
      })
    ));
    await Promise.all(this.#workers.map((worker) => worker.calm()));
    await this.#sample();
  }

  /** Waits until everything has come and nothing comes any more, or what is missing does not come. */
  async #drain(): Promise<void> {
    const { drainTimeoutMs } = this.#config;
    const { signal } = this.#options;
    // Whoever has stopped the sending wants what is on its way; whoever stops the draining does not.
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
        const isAllThere = outstanding.every((count) => count === 0);
        if (performance.now() - lastMs >= (isAllThere ? QUIET_MS : drainTimeoutMs)) return;
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
    let [achievedRate, deliveriesPerSecond, churned] = [0, 0, 0];
    for (const result of results) {
      summary.add(result.summary);
      addCounts(ledger, result.ledger);
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
      workers: this.#workers.length,
    };
  }

  #tellOnce(notice: string): void {
    if (this.#told.has(notice)) return;
    this.#told.add(notice);
    this.#options.printNotice(notice);
  }
}

function addCounts(to: LedgerCounts, counts: LedgerCounts): void {
  for (const key of Object.keys(to) as (keyof LedgerCounts)[]) to[key] += counts[key];
}

/** The CPU time of this process, all its threads together. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Messages a second that the flags ask for. */
function offeredRate(config: ClientConfig): number {
  if (config.rate > 0) return config.rate;
  const { senderCount } = rolesOf(config);
  let rate = 0;
  for (let id = 1; id <= senderCount; id++) rate += 1000 / periodMs(id, config);
  return rate;
}
