import { LatencyHistogram, type LatencySummary } from "./latency.ts";
import type { LatencyCounts } from "./latency_bins.ts";
import type { LedgerCounts } from "./ledger/delivery_counts.ts";
import type { ServerFigures } from "./server_metrics.ts";
import { type Spread, SpreadMerger } from "./spread.ts";

/** The phases of a run, in their order. */
export type Phase = "connecting" | "warm-up" | "steady" | "draining";

/** The phase of a run, and when it began, in milliseconds since the run began. */
export interface PhaseOfRun {
  readonly phase: Phase;
  readonly sinceMs: number;
  /** The stage of the steady phase, as an index from 1; undefined without `--stage`. */
  readonly stage?: number | undefined;
}

/** What one worker measured. Counts are totals; latencies are new since the last sample. */
export interface Sample {
  /** When the sample was taken, in milliseconds since the run began. */
  readonly atMs: number;
  /** How many connections are open. */
  readonly connections: number;
  readonly sent: number;
  /** Only messages that were skipped and have not arrived since count as lost. */
  readonly ledger: LedgerCounts;
  /** How long the worker's thread was busy waiting. */
  readonly spunMs: number;
  /** As in {@linkcode RunLatencies}. The latencies of deliveries are split by phase. */
  readonly latencies: Readonly<
    Record<
      "handshake" | "warmup" | "steady" | "raw" | "ack" | "rawAck" | "slip" | "lag",
      LatencyCounts
    >
  >;
  /** Messages of the steady phase. */
  readonly spreads: readonly Spread[];
}

/** The state of a run at one time, and rates and latencies since the point before. */
export interface TimelinePoint {
  /** Since the run began. */
  readonly seconds: number;
  readonly phase: Phase;
  /** Since the phase began. */
  readonly phaseSeconds: number;
  /** The stage of the steady phase, as an index from 1; undefined without `--stage`. */
  readonly stage?: number | undefined;
  /** How many connections are open. */
  readonly connections: number;
  readonly sentPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** Latency in milliseconds; undefined if nothing arrived. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** The same for the whole steady phase so far. */
  readonly p99SoFar: number | undefined;
  /** Messages that were skipped so far and have not arrived since. */
  readonly missing: number;
  /** How many cores the client kept busy, including busy waiting. */
  readonly busyCores: number;
  /** The server's own figures. There are none without `--server-metrics`, and after a failure. */
  readonly server?: ServerFigures | undefined;
}

/** Points are at least this far apart, so that their rates mean something. */
const MIN_INTERVAL_MS = 100;

/** Latencies of a run, in milliseconds. Each is undefined if nothing was measured. */
export interface RunLatencies {
  /** From when a message was due to each delivery, in the steady phase. */
  readonly delivery: LatencySummary | undefined;
  /** From when a message was sent to each delivery, in the steady phase. */
  readonly raw: LatencySummary | undefined;
  /** From when a message was due to its ack, and from when it was sent, in the steady phase. */
  readonly ack: LatencySummary | undefined;
  readonly rawAck: LatencySummary | undefined;
  /** From when a message was due to its first delivery and to its last, and from first to last. */
  readonly first: LatencySummary | undefined;
  readonly last: LatencySummary | undefined;
  readonly spread: LatencySummary | undefined;
  /** From when a message was due to when it was sent, in the steady phase. */
  readonly slip: LatencySummary | undefined;
  /** From a connection attempt to the open connection, in all phases. */
  readonly handshake: LatencySummary | undefined;
  /** How late the client's event loop was, in all phases. */
  readonly lag: LatencySummary | undefined;
}

/** What the latencies of a run summarize. */
export type RunHistograms = Readonly<Record<keyof RunLatencies, LatencyHistogram>>;

/** Merges the samples of all workers during a run. */
export class Recorder {
  readonly timeline: TimelinePoint[] = [];
  readonly #histograms = {
    delivery: new LatencyHistogram(),
    raw: new LatencyHistogram(),
    ack: new LatencyHistogram(),
    rawAck: new LatencyHistogram(),
    first: new LatencyHistogram(),
    last: new LatencyHistogram(),
    spread: new LatencyHistogram(),
    slip: new LatencyHistogram(),
    handshake: new LatencyHistogram(),
    lag: new LatencyHistogram(),
  };
  readonly #spreads = new SpreadMerger(({ plannedMs, firstMs, lastMs }) => {
    this.#histograms.first.record((firstMs - plannedMs) * 1000);
    this.#histograms.last.record((lastMs - plannedMs) * 1000);
    this.#histograms.spread.record((lastMs - firstMs) * 1000);
  });
  /** Latencies since the last point of the timeline. */
  #recent = new LatencyHistogram();
  #before: { atMs: number; sent: number; delivered: number; busyMs: number; spunMs: number };
  #sending = { ms: 0, busyMs: 0, spunMs: 0 };

  /** @param cpuMs The CPU time of the process before the run. */
  constructor(cpuMs: number) {
    this.#before = { atMs: 0, sent: 0, delivered: 0, busyMs: cpuMs, spunMs: 0 };
  }

  /**
   * Adds one sample of each worker.
   *
   * @param cpuMs The CPU time of the process so far.
   * @param server The server's own figures.
   * @returns The new point of the timeline; undefined if the point before is too recent.
   */
  add(
    samples: readonly Sample[],
    { phase, sinceMs, stage }: PhaseOfRun,
    cpuMs: number,
    server?: ServerFigures,
  ): TimelinePoint | undefined {
    for (const { latencies, spreads, atMs } of samples) {
      this.#recent.add(latencies.warmup);
      this.#recent.add(latencies.steady);
      this.delivery.add(latencies.steady);
      for (const key of ["raw", "ack", "rawAck", "slip", "handshake", "lag"] as const) {
        this.#histograms[key].add(latencies[key]);
      }
      this.#spreads.add(spreads, atMs);
    }
    const sum = (key: "connections" | "sent" | "spunMs") =>
      samples.reduce((total, sample) => total + sample[key], 0);
    const count = (key: "delivered" | "lost") =>
      samples.reduce((total, { ledger }) => total + ledger[key], 0);
    const now = {
      atMs: samples.reduce((latest, { atMs }) => Math.max(latest, atMs), 0),
      sent: sum("sent"),
      delivered: count("delivered"),
      busyMs: cpuMs,
      spunMs: sum("spunMs"),
    };
    const before = this.#before;
    const ms = now.atMs - before.atMs;
    if (ms < MIN_INTERVAL_MS) return undefined;
    if (phase === "warm-up" || phase === "steady") {
      this.#sending.ms += ms;
      this.#sending.busyMs += now.busyMs - before.busyMs;
      this.#sending.spunMs += now.spunMs - before.spunMs;
    }
    const { p50, p99 } = this.#recent.summary ?? {};
    const point: TimelinePoint = {
      seconds: now.atMs / 1000,
      phase,
      phaseSeconds: (now.atMs - sinceMs) / 1000,
      stage,
      connections: sum("connections"),
      sentPerSecond: (now.sent - before.sent) * 1000 / ms,
      deliveriesPerSecond: (now.delivered - before.delivered) * 1000 / ms,
      p50,
      p99,
      p99SoFar: this.delivery.summary?.p99,
      missing: count("lost"),
      busyCores: (now.busyMs - before.busyMs) / ms,
      server,
    };
    this.#before = now;
    this.#recent = new LatencyHistogram();
    this.timeline.push(point);
    return point;
  }

  /** How many cores the client kept busy while it sent; undefined if that was too short. */
  get busyCores(): number | undefined {
    const { ms, busyMs } = this.#sending;
    return ms > 0 ? busyMs / ms : undefined;
  }

  /** How many of {@linkcode busyCores} the client kept busy only with waiting. */
  get waitingCores(): number {
    const { ms, spunMs } = this.#sending;
    return ms > 0 ? spunMs / ms : 0;
  }

  /** From when a message was due to each delivery, in the steady phase. */
  get delivery(): LatencyHistogram {
    return this.#histograms.delivery;
  }

  /** The histograms of all latencies. */
  get histograms(): RunHistograms {
    return this.#histograms;
  }

  /** Ends the recording. */
  close(): RunLatencies {
    this.#spreads.close();
    const summaries = Object.entries(this.#histograms).map(([key, { summary }]) => [key, summary]);
    return Object.fromEntries(summaries);
  }
}
