import type { Ramp } from "../pace/stages.ts";
import { LatencyHistogram, type LatencySummary } from "./latency.ts";
import { LatencyBins, type LatencyCounts } from "./latency_bins.ts";

/** What happened in one stage. A message belongs to the stage in which it was due. */
export interface StageResult {
  /** The rate at its beginning and its end, in messages per second. */
  readonly startRate: number;
  readonly rate: number;
  /** How long it lasted. */
  readonly seconds: number;
  readonly sent: number;
  /** Messages and deliveries per second. */
  readonly achievedRate: number;
  readonly deliveriesPerSecond: number;
  /** From when a message was due to each delivery; undefined if nothing arrived. */
  readonly latency: LatencySummary | undefined;
  /**
   * How many more deliveries were missing at its end than before. Those that are missing at the end
   * of the run belong to the last stage.
   */
  readonly lost: number;
}

/** What one worker counted in a stage since the last sample. */
export interface StageCounts {
  readonly sent: number;
  readonly latencies: LatencyCounts;
}

/** Counts a worker's messages and latencies by stage. */
export class StageBins {
  readonly #startsUs: readonly number[];
  readonly #sent: number[];
  readonly #bins: readonly LatencyBins[];

  /** @param steadyMs When the steady phase begins. */
  constructor(stages: readonly Ramp[], steadyMs: number) {
    this.#startsUs = stages.map(({ startMs }) => Math.floor((steadyMs + startMs) * 1000));
    this.#sent = stages.map(() => 0);
    this.#bins = stages.map(() => new LatencyBins());
  }

  /** Counts a message of the steady phase that was sent. */
  recordSent(plannedUs: number): void {
    this.#sent[this.#stageOf(plannedUs)]!++;
  }

  /** Counts a delivery of the steady phase, and its latency in microseconds. */
  recordDelivery(plannedUs: number, us: number): void {
    this.#bins[this.#stageOf(plannedUs)]!.record(us);
  }

  /** Returns what was counted since the last call, for each stage. */
  take(): readonly StageCounts[] {
    const counts = this.#bins.map((bins, at) => ({
      sent: this.#sent[at]!,
      latencies: bins.take(),
    }));
    this.#sent.fill(0);
    return counts;
  }

  #stageOf(plannedUs: number): number {
    let at = this.#startsUs.length - 1;
    while (at > 0 && plannedUs < this.#startsUs[at]!) at--;
    return at;
  }
}

/** Merges what the workers counted by stage. */
export class StageMerger {
  readonly #stages: readonly Ramp[];
  readonly #sent: number[];
  readonly #latencies: readonly LatencyHistogram[];
  /** How many deliveries were missing at the end of each stage that has ended. */
  readonly #missing: number[] = [];

  constructor(stages: readonly Ramp[]) {
    this.#stages = stages;
    this.#sent = stages.map(() => 0);
    this.#latencies = stages.map(() => new LatencyHistogram());
  }

  /** Adds what one worker counted. */
  add(counts: readonly StageCounts[]): void {
    counts.forEach(({ sent, latencies }, at) => {
      this.#sent[at]! += sent;
      this.#latencies[at]!.add(latencies);
    });
  }

  /** Ends the next stage, when `missing` deliveries are missing in all. */
  endStage(missing: number): void {
    this.#missing.push(missing);
  }

  /**
   * Returns the results of the stages that have begun.
   *
   * @param steadyMs How long the steady phase lasted.
   * @param lost How many deliveries were missing at the end of the run.
   */
  results(steadyMs: number, lost: number): readonly StageResult[] {
    const begun = this.#stages.filter(({ startMs }) => startMs < steadyMs);
    return begun.map(({ startMs, durationMs, startRate, rate }, at) => {
      // A sum of times may be a little less than exact.
      const seconds = Math.round(Math.min(durationMs, steadyMs - startMs)) / 1000;
      const sent = this.#sent[at]!;
      const latency = this.#latencies[at]!.summary;
      const missingAt = (end: number) =>
        end < 0 ? 0 : end === begun.length - 1 ? lost : this.#missing[end] ?? 0;
      return {
        startRate,
        rate,
        seconds,
        sent,
        achievedRate: seconds === 0 ? 0 : sent / seconds,
        deliveriesPerSecond: seconds === 0 ? 0 : (latency?.count ?? 0) / seconds,
        latency,
        // A message that arrived late is no longer missing.
        lost: Math.max(0, missingAt(at) - missingAt(at - 1)),
      };
    });
  }
}
