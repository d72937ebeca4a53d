import { ackReport, unreachedMessages } from "./ack_report.ts";
import { type ClientConfig, speaksChorus } from "./config.ts";
import { HistoryCheck } from "./history/history_check.ts";
import type { HistoryReport, Measurement } from "./measure/measurement.ts";
import { MarkedMessage } from "./measure/message.ts";
import { createSharedRefusals, RefusedMessages } from "./measure/ledger/refused_messages.ts";
import { createSharedWindow, SentWindow } from "./measure/ledger/sent_window.ts";
import { summarizeStorm } from "./measure/storm_summary.ts";
import type { UnreachedMessage } from "./measure/ledger/unreached.ts";
import type { Target } from "./users/connection/connect.ts";
import { chooseStormUsers, parseStorm } from "./users/storm_plan.ts";
import type { RunPlan } from "./users/user_plan.ts";
import type { LoadWorker, WorkerOptions, WorkerResult } from "./users/worker.ts";

/** What {@linkcode RunChecks} needs. */
export interface RunChecksOptions {
  readonly config: ClientConfig;
  readonly target: Target;
  readonly plan: RunPlan;
  /** When the run began, in milliseconds since 1970. */
  readonly startEpochMs: number;
  /** A source of numbers from 0 up to, not including, 1. */
  readonly random: () => number;
}

/** What a measured run checks besides deliveries: acks, the history, and a storm. */
export class RunChecks {
  /** What the workers need for the checks. */
  readonly shared: Pick<
    WorkerOptions,
    "run" | "sentBySender" | "window" | "refused" | "stormIds"
  >;
  readonly #plan: RunPlan;
  readonly #speaksChorus: boolean;
  readonly #publishesHttp: boolean;
  readonly #window: SentWindow | undefined;
  readonly #historyCheck: HistoryCheck | undefined;
  #unreached: readonly UnreachedMessage[] = [];
  #history: HistoryReport | undefined;

  constructor({ config, target, plan, startEpochMs, random }: RunChecksOptions) {
    const storm = parseStorm(config.storm);
    const checksHistory = config.check.includes("history");
    const senderCount = plan.senders.length;
    this.#plan = plan;
    this.#speaksChorus = speaksChorus(config);
    this.#publishesHttp = config.publish === "http";
    const isNeeded = storm !== undefined || checksHistory || this.#speaksChorus;
    const window = isNeeded ? createSharedWindow() : undefined;
    this.#window = window && new SentWindow(window, senderCount);
    this.#historyCheck = checksHistory
      ? new HistoryCheck({
        ...{ plan, target, startEpochMs, timeoutMs: config.connectTimeoutMs },
        message: new MarkedMessage(config.message, config.size),
      })
      : undefined;
    this.shared = {
      run: crypto.getRandomValues(new Uint16Array(1))[0]!,
      sentBySender: new Int32Array(new SharedArrayBuffer(4 * senderCount)),
      window,
      refused: createSharedRefusals(),
      stormIds: storm ? chooseStormUsers(plan.users, storm, random) : [],
    };
  }

  /**
   * Prepares the checks, after the users have connected.
   *
   * @throws {HistoryError} If the history cannot be read, unless the signal aborts.
   */
  async begin(signal: AbortSignal): Promise<void> {
    await this.#historyCheck?.begin(signal);
  }

  /**
   * Checks what only can be checked while the users are in their rooms, after the drain.
   *
   * @param signal Ends the check of the history.
   */
  async end(workers: readonly LoadWorker[], signal: AbortSignal): Promise<void> {
    await Promise.all(workers.map((worker) => worker.endDrain()));
    if (!this.#window) return;
    const { run, sentBySender, refused } = this.shared;
    this.#unreached = await unreachedMessages(this.#window, sentBySender, workers);
    this.#history = await this.#historyCheck?.compare({
      run,
      sentBySender,
      window: this.#window,
      refused: new RefusedMessages(refused),
      hasAcks: this.#speaksChorus && !this.#publishesHttp,
    }, signal);
  }

  /** The results of the checks. */
  reports(
    results: readonly Pick<WorkerResult, "acks" | "storm">[],
  ): Pick<Measurement, "acks" | "history" | "storm"> {
    const storms = results.map(({ storm }) => storm).filter((storm) => storm !== undefined);
    return {
      acks: this.#publishesHttp
        ? ackReport(results, undefined, this.#plan)
        : this.#speaksChorus
        ? ackReport(results, this.#unreached, this.#plan)
        : undefined,
      history: this.#history,
      storm: this.shared.stormIds.length > 0
        ? summarizeStorm(storms, { isResumed: this.#speaksChorus })
        : undefined,
    };
  }
}
