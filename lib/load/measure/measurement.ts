import type { AckCounts } from "./acks.ts";
import type { Fault } from "./ledger/fault_log.ts";
import type { LedgerCounts } from "./ledger/delivery_counts.ts";
import type { RunHistograms, RunLatencies, TimelinePoint } from "./recorder.ts";
import type { ServerSummary } from "./server_metrics.ts";
import type { StageResult } from "./stage_results.ts";
import type { StormSummary } from "./storm_summary.ts";
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
  /** How many of them have a text that was not checked, because the server changes it. */
  readonly unrecognized: number | undefined;
  /** What the server answered to the messages; undefined if it does not answer. */
  readonly acks: AckReport | undefined;
  /** What is in the history at the end; undefined without `--check history`. */
  readonly history: HistoryReport | undefined;
  /** What became of the users that `--storm` cut off; undefined without it. */
  readonly storm: StormSummary | undefined;
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

/** What `--check history` found in the rooms' histories at the end of the run. */
export interface HistoryReport {
  /** Messages of the run that are in the history. */
  readonly found: number;
  /** Messages that should be in the history, and are not. */
  readonly unrecorded: number;
  /** The first of them, by name. */
  readonly unrecordedNames: readonly string[];
  /** As for deliveries: in the history twice, in a wrong order, damaged, or of another room. */
  readonly duplicated: number;
  readonly reordered: number;
  readonly corrupt: number;
  readonly leaked: number;
  /** Messages at another position than that in their ack, or before an earlier message. */
  readonly misplaced: number;
  /** Messages that are older than what the server retains. They are no fault. */
  readonly older: number;
  /** The oldest message, if the server no longer retains all messages of the run. */
  readonly reachesBackTo: string | undefined;
  /** Why the history could not be read. */
  readonly failure: string | undefined;
}

/** Answers of the server, and what became of the messages that it acked. */
export interface AckReport extends Omit<AckCounts, "epochs"> {
  /**
   * Messages with an ack that reached nobody, although a receiver expected them; undefined if it is
   * not known which were acked.
   */
  readonly unreached: number | undefined;
  /** The first of them, by name. */
  readonly unreachedNames: readonly string[];
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
