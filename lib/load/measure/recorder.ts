import { LatencyHistogram, type LatencySummary } from "./latency.ts";
import { SpreadMerger } from "./spread.ts";
import type { WorkerSample } from "../users/worker.ts";

/** The parts of a run, in their order. */
export type Phase = "connecting" | "warm-up" | "steady" | "draining";

/** Where a run is, and since when, in milliseconds since it began. */
export interface PhaseOfRun {
  readonly phase: Phase;
  readonly sinceMs: number;
}

/** A run at one time. */
export interface TimelinePoint {
  /** Since the run began. */
  readonly seconds: number;
  readonly phase: Phase;
  /** Since the phase began. */
  readonly phaseSeconds: number;
  /** How many connections are open. */
  readonly connections: number;
  /** Since the point before. */
  readonly sentPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** Of what has come since the point before, in milliseconds; undefined if nothing has. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** Of all that has come in the steady phase so far, in milliseconds. */
  readonly p99SoFar: number | undefined;
  /** Messages that were jumped over so far and have not come since. */
  readonly missing: number;
  /** How many cores the client kept busy since the point before; waiting does not count. */
  readonly busyCores: number;
}

/** Points are further apart than this, so that their rates mean something. */
const MIN_INTERVAL_MS = 100;

/** Latencies of a run's steady phase, in milliseconds; undefined where there is none. */
export interface RunLatencies {
  /** From when a message was planned until it came, to every receiver. */
  readonly delivery: LatencySummary | undefined;
  /** The same from when it was sent. */
  readonly raw: LatencySummary | undefined;
  /** Until it came to the first of its receivers, and to the last, and the time between the two. */
  readonly first: LatencySummary | undefined;
  readonly last: LatencySummary | undefined;
  readonly spread: LatencySummary | undefined;
  /** By how much later than planned messages were sent. */
  readonly slip: LatencySummary | undefined;
  /** From a connection attempt until it was open, in all phases. */
  readonly handshake: LatencySummary | undefined;
  /** How late the client's event loop was, in all phases. */
  readonly lag: LatencySummary | undefined;
}

/** Puts together what the workers of a run measure, as it is measured. */
export class Recorder {
  /** From when a message was planned until it came, in the steady phase. */
  readonly delivery = new LatencyHistogram();
  readonly timeline: TimelinePoint[] = [];
  readonly #raw = new LatencyHistogram();
  readonly #first = new LatencyHistogram();
  readonly #last = new LatencyHistogram();
  readonly #spread = new LatencyHistogram();
  readonly #slip = new LatencyHistogram();
  readonly #handshake = new LatencyHistogram();
  readonly #lag = new LatencyHistogram();
  readonly #spreads = new SpreadMerger(({ plannedMs, firstMs, lastMs }) => {
    this.#first.record((firstMs - plannedMs) * 1000);
    this.#last.record((lastMs - plannedMs) * 1000);
    this.#spread.record((lastMs - firstMs) * 1000);
  });
  #since = new LatencyHistogram();
  #before: { atMs: number; sent: number; delivered: number; busyMs: number };
  #sending = { ms: 0, busyMs: 0 };

  /** @param cpuMs The CPU time of the process before the run. */
  constructor(cpuMs: number) {
    this.#before = { atMs: 0, sent: 0, delivered: 0, busyMs: cpuMs };
  }

  /**
   * Takes a sample of each worker.
   *
   * @param cpuMs The CPU time of the process so far.
   * @returns Where the run is; undefined if the point before is too near.
   */
  add(
    samples: readonly WorkerSample[],
    { phase, sinceMs }: PhaseOfRun,
    cpuMs: number,
  ): TimelinePoint | undefined {
    for (const { latencies, spreads, atMs } of samples) {
      this.#since.add(latencies.warmup);
      this.#since.add(latencies.steady);
      this.delivery.add(latencies.steady);
      this.#raw.add(latencies.raw);
      this.#slip.add(latencies.slip);
      this.#handshake.add(latencies.handshake);
      this.#lag.add(latencies.lag);
      this.#spreads.add(spreads, atMs);
    }
    const sum = (key: "connections" | "sent" | "delivered" | "missing" | "spunMs") =>
      samples.reduce((total, sample) => total + sample[key], 0);
    const now = {
      atMs: samples.reduce((latest, { atMs }) => Math.max(latest, atMs), 0),
      sent: sum("sent"),
      delivered: sum("delivered"),
      busyMs: cpuMs - sum("spunMs"),
    };
    const before = this.#before;
    const ms = now.atMs - before.atMs;
    if (ms < MIN_INTERVAL_MS) return undefined;
    if (phase === "warm-up" || phase === "steady") {
      this.#sending.ms += ms;
      this.#sending.busyMs += now.busyMs - before.busyMs;
    }
    const { p50, p99 } = this.#since.summary ?? {};
    const point: TimelinePoint = {
      seconds: now.atMs / 1000,
      phase,
      phaseSeconds: (now.atMs - sinceMs) / 1000,
      connections: sum("connections"),
      sentPerSecond: (now.sent - before.sent) * 1000 / ms,
      deliveriesPerSecond: (now.delivered - before.delivered) * 1000 / ms,
      p50,
      p99,
      p99SoFar: this.delivery.summary?.p99,
      missing: sum("missing"),
      busyCores: Math.max(0, now.busyMs - before.busyMs) / ms,
    };
    this.#before = now;
    this.#since = new LatencyHistogram();
    this.timeline.push(point);
    return point;
  }

  /** How many cores the client kept busy while it sent; undefined if that was too short. */
  get busyCores(): number | undefined {
    const { ms, busyMs } = this.#sending;
    return ms > 0 ? busyMs / ms : undefined;
  }

  /** Ends the recording. */
  close(): RunLatencies {
    this.#spreads.close();
    return {
      delivery: this.delivery.summary,
      raw: this.#raw.summary,
      first: this.#first.summary,
      last: this.#last.summary,
      spread: this.#spread.summary,
      slip: this.#slip.summary,
      handshake: this.#handshake.summary,
      lag: this.#lag.summary,
    };
  }
}
