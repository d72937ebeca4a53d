import type { ClientConfig } from "../config.ts";
import type { Target } from "./connect.ts";
import type { LatencyCounts } from "../measure/latency_bins.ts";
import type { LedgerCounts } from "../measure/ledger.ts";
import type { Spread } from "../measure/spread.ts";
import type { SummaryCounts } from "../measure/summary.ts";

/** One part of a measured run: it has a share of the users, and does all that they do. */
export interface LoadWorker {
  /** Connects its users, on the schedule of arrivals. @returns How many of its senders are connected. */
  connect(): Promise<number>;
  /** Sends its share of the messages, from a given time to another, while users come and go. */
  send(plan: SendPlan): Promise<void>;
  /** Takes note that every worker has sent all: nobody comes and goes any more, and slow readers read again. */
  calm(): Promise<void>;
  /** What has been measured since the last sample. */
  sample(): Promise<WorkerSample>;
  /** How many deliveries are still to come. */
  outstanding(): Promise<number>;
  /** Ends its part: what has not come is lost, and every user leaves. */
  leave(): Promise<WorkerResult>;
  /** Gives connecting and sending up. */
  stop(): void;
}

/** What a worker is made of; all of it can be handed to another thread. */
export interface WorkerOptions {
  readonly config: ClientConfig;
  readonly target: Target;
  /** Which of the run's workers it is, from 0 on: it has every `config.workers`th user. */
  readonly index: number;
  /** When the run began: all times are milliseconds since. */
  readonly startEpochMs: number;
  /** Tells runs against the same server apart. */
  readonly run: number;
  /** How many messages each sender has sent, in memory that all workers share. */
  readonly sentBySender: Int32Array<SharedArrayBuffer>;
  readonly seed: number;
}

/** What a worker sends, and when. */
export interface SendPlan {
  readonly startMs: number;
  /** From here on rates and latencies count. */
  readonly steadyMs: number;
  readonly endMs: number;
  /** Its own share; 0 if each user speaks at its interval instead. */
  readonly ratePerSecond: number;
  /** When its first message is due after the start, so that the workers take turns. */
  readonly offsetMs: number;
}

/** What a worker has measured. Counts are of the whole run; latencies and spreads are new since the last sample. */
export interface WorkerSample {
  readonly atMs: number;
  /** How many connections are open. */
  readonly connections: number;
  readonly sent: number;
  /** Messages of this run that have come, for whatever they count. */
  readonly own: number;
  readonly delivered: number;
  /** Messages that were jumped over and have not come since. */
  readonly missing: number;
  /** How long its thread has only waited. */
  readonly spunMs: number;
  readonly latencies: {
    /** From the connection attempt until it was open. */
    readonly handshake: LatencyCounts;
    /** From when a message was planned until it came: in the warm-up, and in the steady phase. */
    readonly warmup: LatencyCounts;
    readonly steady: LatencyCounts;
    /** The same from when it was sent, in the steady phase. */
    readonly raw: LatencyCounts;
    /** By how much later than planned messages were sent, in the steady phase. */
    readonly slip: LatencyCounts;
    /** How late the event loop was. */
    readonly lag: LatencyCounts;
  };
  /** Of the steady phase. */
  readonly spreads: readonly Spread[];
}

/** What has become of a worker's users and messages. */
export interface WorkerResult {
  readonly summary: SummaryCounts;
  readonly ledger: LedgerCounts;
  readonly slow: SlowReaders;
  readonly steady: SteadyCounts;
  readonly unsent: Unsent;
  /** How many users have left and come again, as `--churn` has it. */
  readonly churned: number;
}

/** Readers that read nothing until the end, which are apart from all others. */
export interface SlowReaders {
  readonly count: number;
  /** How the server has ended those that it has ended, by close code. */
  readonly closeCodes: ReadonlyMap<number, number>;
  readonly ledger: LedgerCounts;
}

/** What happened in the steady phase. */
export interface SteadyCounts {
  readonly seconds: number;
  readonly sent: number;
  readonly delivered: number;
}

/** Messages that were due and were not sent. */
export interface Unsent {
  /** No sender had a connection. */
  readonly disconnected: number;
  /** The server had not read from its sender for long. */
  readonly blocked: number;
}
