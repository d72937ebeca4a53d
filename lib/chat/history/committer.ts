import type { ChatCounters } from "../counters.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Batch, History } from "./history.ts";

/**
 * How long to collect messages before a commit when no client waits for an ack. One commit costs as
 * much as hundreds of sends.
 */
const GATHER_MS = 50;

/** The pause after a failed commit. */
const RETRY_MS = 500;

/**
 * How often to check the commit under way. If it is the same as at the last check, it is stalled.
 */
const CHECK_INTERVAL_MS = 5000;

/** A room as the committer sees it. */
export interface Committable {
  /** Whether to commit its messages at once: a client waits for them, or there are many. */
  readonly isUrgent: boolean;
  /** Takes the next messages to commit; undefined if all are committed. */
  nextBatch(): Batch | undefined;
  /** Called when the last batch is committed. */
  onCommitted(): void;
  /** Called when a commit has failed, or has stalled: then it may still succeed. */
  onCommitFailed(): void;
}

/** What a {@linkcode Committer} needs. */
export interface CommitterOptions extends Omit<Scheduler, "defer"> {
  readonly counters: ChatCounters;
  /** Called with the reason when a commit fails or stalls. */
  readonly onError: (error: unknown) => void;
}

/**
 * Commits the messages of all rooms to a history, one transaction at a time. Messages that arrive
 * during a commit go into the next one, so transactions grow with the load, and their cost per
 * message falls.
 *
 * ```text
 * idle ──request()──▶ gathering ──50 ms, or urgent──▶ scheduled ──▶ committing ──▶ idle
 *                         ▲                                             └─it fails──▶ waiting
 *                         └──────────────────────500 ms──────────────────────────────────┘
 * ```
 *
 * A commit that takes longer than five to ten seconds, as on a disk that hangs, is stalled. It
 * stays under way, but its rooms no longer wait for it.
 */
export class Committer {
  readonly #history: Pick<History, "append">;
  readonly #options: CommitterOptions;
  readonly #dirty = new Set<Committable>();
  #state: "idle" | "gathering" | "scheduled" | "committing" | "waiting" = "idle";
  /** The rooms of the commit under way. */
  #committing: readonly Committable[] = [];
  #commitCount = 0;
  #isWatched = false;
  #isStalled = false;
  /** Whether the last commit has failed. */
  #hasFailed = false;
  #whenIdle: PromiseWithResolvers<void> | undefined;
  #isStopped = false;

  constructor(history: Pick<History, "append">, options: CommitterOptions) {
    this.#history = history;
    this.#options = options;
  }

  /** Whether the commit under way has taken too long. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Whether the last commit has failed, or the one under way has taken too long. */
  get isFailing(): boolean {
    return this.#hasFailed || this.#isStalled;
  }

  /** Schedules a commit of a room's messages. */
  request(room: Committable): void {
    this.#dirty.add(room);
    this.#gather();
    if (this.#state === "gathering" && room.isUrgent) this.#schedule();
  }

  /** Resolves when every message is committed, or its commit has failed. */
  async settled(): Promise<void> {
    if (this.#state === "idle" || this.#state === "waiting") return;
    if (this.#state === "gathering") this.#schedule();
    await (this.#whenIdle ??= Promise.withResolvers()).promise;
  }

  /** Starts no more transactions. */
  stop(): void {
    this.#isStopped = true;
  }

  #gather(): void {
    if (this.#state !== "idle" || this.#isStopped) return;
    this.#state = "gathering";
    this.#options.startTimer(() => {
      if (this.#state === "gathering") this.#schedule();
    }, GATHER_MS);
  }

  #schedule(): void {
    if (this.#isStopped || this.#state === "scheduled") return;
    this.#state = "scheduled";
    this.#options.deferTurn(() => this.#commit());
  }

  async #commit(): Promise<void> {
    this.#state = "committing";
    const rooms: Committable[] = [];
    const batches: Batch[] = [];
    try {
      for (const room of this.#dirty) {
        const batch = room.nextBatch();
        if (!batch) continue;
        rooms.push(room);
        batches.push(batch);
      }
      this.#dirty.clear();
      if (batches.length > 0) {
        this.#committing = rooms;
        this.#commitCount++;
        this.#watch();
        await this.#append(batches);
      }
      this.#state = "idle";
      this.#hasFailed = false;
    } catch (cause) {
      this.#state = "waiting";
      this.#options.counters.commitFailures.failed++;
      this.#hasFailed = true;
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#options.onError(new Error(`Cannot commit messages: ${reason}`, { cause }));
    }
    this.#isStalled = false;
    if (this.#state === "idle") this.#continue(rooms);
    else this.#retryLater(rooms);
    if (rooms.length > 0 && this.#state !== "waiting" && this.#whenIdle) return this.#schedule();
    this.#whenIdle?.resolve();
    this.#whenIdle = undefined;
  }

  async #append(batches: readonly Batch[]): Promise<void> {
    const { counters } = this.#options;
    const startedAtMs = counters.monotonicMs();
    await this.#history.append(batches);
    counters.commits++;
    counters.commitSeconds.observe((counters.monotonicMs() - startedAtMs) / 1000);
  }

  /**
   * Watches the commits under way, all with one timer, as there may be thousands of them a second.
   */
  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const watchedCommit = this.#commitCount;
    this.#options.startTimer(() => {
      this.#isWatched = false;
      if (this.#state !== "committing") return;
      if (this.#commitCount === watchedCommit) this.#stall();
      else this.#watch();
    }, CHECK_INTERVAL_MS);
  }

  #stall(): void {
    this.#isStalled = true;
    this.#options.counters.commitFailures.stalled++;
    this.#options.onError(
      new Error(`Cannot commit messages: no answer for ${CHECK_INTERVAL_MS} ms`),
    );
    this.#notify([...this.#committing, ...this.#dirty], "onCommitFailed");
  }

  #continue(committed: readonly Committable[]): void {
    this.#notify(committed, "onCommitted");
    // More messages may have arrived meanwhile, in these rooms and in others.
    for (const room of [...committed, ...this.#dirty]) this.request(room);
  }

  #retryLater(failed: readonly Committable[]): void {
    for (const room of failed) this.#dirty.add(room);
    this.#notify(failed, "onCommitFailed");
    this.#options.startTimer(() => {
      this.#state = "idle";
      this.#gather();
    }, RETRY_MS);
  }

  /** Calls each room. A room that throws must not stop the commits of the others. */
  #notify(rooms: readonly Committable[], event: "onCommitted" | "onCommitFailed"): void {
    for (const room of rooms) {
      try {
        room[event]();
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}
