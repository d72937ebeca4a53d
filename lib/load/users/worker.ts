import type { ClientConfig } from "../config.ts";
import type { AckCounts } from "../measure/acks.ts";
import type { LedgerCounts } from "../measure/ledger/delivery_counts.ts";
import type { Fault } from "../measure/ledger/fault_log.ts";
import type { SlowReaders, Unsent } from "../measure/measurement.ts";
import type { MessageName } from "../measure/ledger/receiver_plan.ts";
import type { Sample } from "../measure/recorder.ts";
import type { StageCounts } from "../measure/stage_results.ts";
import type { SharedRefusals } from "../measure/ledger/refused_messages.ts";
import type { SharedWindow } from "../measure/ledger/sent_window.ts";
import type { StormCounts } from "../measure/storm_summary.ts";
import type { SummaryCounts } from "../measure/summary.ts";
import type { Target } from "./connection/connect.ts";
import type { RunPlan } from "./user_plan.ts";

/** One part of a measured run: a share of the users, and their messages. */
export interface LoadWorker {
  /**
   * Connects its users on schedule, and gets ready to send on time.
   *
   * @returns Which part of the rate is its own: a weight.
   */
  connect(): Promise<number>;
  /** Sends its share of the messages, and lets users reconnect as `--churn` asks. */
  send(plan: SendPlan): Promise<void>;
  /** Stops the churn and resumes slow readers. Called when all workers have sent everything. */
  beginDrain(): Promise<void>;
  /** What was measured since the last sample. */
  sample(): Promise<WorkerSample>;
  /** How many deliveries are still expected. */
  outstanding(): Promise<number>;
  /** Called when the drain is over: what has not arrived by then will not arrive. */
  endDrain(): Promise<void>;
  /** Of these messages, those that some receiver of this worker still expects. */
  expected(messages: readonly MessageName[]): Promise<readonly MessageName[]>;
  /** Closes all connections. What is still outstanding counts as lost. */
  leave(): Promise<WorkerResult>;
  /** Aborts connecting and sending. */
  stop(): void;
}

/** Options of a worker. They can be sent to another thread. */
export interface WorkerOptions {
  readonly config: ClientConfig;
  readonly target: Target;
  /** The worker's users, and all rooms and senders. */
  readonly plan: RunPlan;
  /** The worker's index, from 0. It has every `config.workers`th user of the run. */
  readonly index: number;
  /** When the run began, in milliseconds since 1970. Other times count from it. */
  readonly startEpochMs: number;
  /** Distinguishes runs against the same server. */
  readonly run: number;
  /** How many messages each sender has sent, in memory that all workers share. */
  readonly sentBySender: Int32Array<SharedArrayBuffer>;
  /** What `--check order` needs, in memory that all workers share; undefined without it. */
  readonly orderTable: Int32Array<SharedArrayBuffer> | undefined;
  /** What happened to the last messages, in shared memory; undefined if nobody needs it. */
  readonly window: SharedWindow | undefined;
  /** Messages that are not expected to arrive, in shared memory. */
  readonly refused: SharedRefusals;
  /** The ids of the users that `--storm` cuts off, of all workers. */
  readonly stormIds: readonly number[];
  /** The seed of the worker's random choices. */
  readonly seed: number;
}

/** What a worker sends, and when. */
export interface SendPlan {
  readonly startMs: number;
  /** When the warm-up ends, and rates and latencies begin to count. */
  readonly steadyMs: number;
  readonly endMs: number;
  /** The worker's part of all messages, from 0 to 1. It is ignored if users send at intervals. */
  readonly part: number;
}

/** What a worker has measured. */
export interface WorkerSample extends Sample {
  /** Messages of this run that arrived, whatever they count as. */
  readonly own: number;
  /** How many users could not connect. */
  readonly failed: number;
  /** New since the last sample, for each stage. */
  readonly stages: readonly StageCounts[];
}

/** What happened to a worker's users and messages. */
export interface WorkerResult {
  readonly summary: SummaryCounts;
  readonly ledger: LedgerCounts;
  /** The first faults of each kind. */
  readonly faults: readonly Fault[];
  /** How many deliveries came too late to compare their order. */
  readonly uncompared: number;
  /** How many deliveries have a text that was not checked, because the server changes it. */
  readonly unrecognized: number;
  readonly acks: AckCounts;
  readonly storm: StormCounts | undefined;
  readonly slow: SlowReaders;
  readonly steady: SteadyCounts;
  readonly unsent: Unsent;
  /** How many times a user disconnected and reconnected because of `--churn`. */
  readonly churned: number;
}

/** What happened in the steady phase. */
export interface SteadyCounts {
  readonly seconds: number;
  readonly sent: number;
  readonly delivered: number;
}
