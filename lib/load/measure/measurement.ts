import type { AckCounts } from "./acks.ts";
import type { Fault } from "./fault_log.ts";
import type { LedgerCounts } from "./delivery_counts.ts";
import type { RunHistograms, RunLatencies, TimelinePoint } from "./recorder.ts";
import type { ServerSummary } from "./server_metrics.ts";
import type { StageResult } from "./stage_results.ts";
import type { Summary } from "./summary.ts";

/** The result of a measured run. */
export interface Measurement {
  readonly summary: Summary;
  /** Deliveries to all users except the slow readers. */
  readonly ledger: LedgerCounts;
  /** The first faults of each kind among these deliveries. */
  readonly faults: readonly Fault[];
  /** How many of these deliveries came too late to compare their order; undefined if none was. */
  readonly uncompared: number | undefined;
  /** What the server answered to messages; undefined if it does not acknowledge them. */
  readonly acks: AckCounts | undefined;
  readonly slow: SlowReaders;
  /** Messages per second in the steady phase: asked for, and sent. */
  readonly offeredRate: number;
  readonly achievedRate: number;
  readonly deliveriesPerSecond: number;
  readonly latencies: RunLatencies;
  /** What the latencies summarize. */
  readonly histograms: RunHistograms;
  /** How long the lookup of the server's name took; undefined if there was none, or it failed. */
  readonly lookupMs: number | undefined;
  readonly timeline: readonly TimelinePoint[];
  /** The stages that began; empty without `--stage`. */
  readonly stages: readonly StageResult[];
  /** Why the run ended early; undefined if it did not. */
  readonly aborted: Aborted | undefined;
  readonly unsent: Unsent;
  /** How many times a user disconnected and reconnected because of `--churn`. */
  readonly churned: number;
  /** How many cores the client kept busy while it sent; undefined if that was too short. */
  readonly busyCores: number | undefined;
  /** How many of them it kept busy only with waiting for the next message to be due. */
  readonly waitingCores: number;
  /** How many threads the client used. */
  readonly workers: number;
  /** The server's own figures in the steady phase; undefined without `--server-metrics`. */
  readonly server: ServerSummary | undefined;
}

/** The gate of `--abort` that held. */
export interface Aborted {
  readonly gate: string;
  /** The value of its metric. */
  readonly value: number;
  /** Since the steady phase began. */
  readonly steadySeconds: number;
}

/** Users that read nothing, or slowly, until all messages are sent. They are counted separately. */
export interface SlowReaders {
  readonly count: number;
  /** Connections that the server ended, by close code. */
  readonly closeCodes: ReadonlyMap<number, number>;
  readonly ledger: LedgerCounts;
}

/** Messages that were due and were not sent. */
export interface Unsent {
  /** No sender was connected. */
  readonly disconnected: number;
  /** The server had stopped reading from the sender, or answering it. */
  readonly blocked: number;
}
