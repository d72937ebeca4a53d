import type { Batch, History } from "./history.ts";

/** How long the committer gathers what nobody waits for, in milliseconds: a commit costs as much as sending hundreds of messages. */
const GATHER_MS = 50;

/** How long the committer waits after a failure before it tries again, in milliseconds. */
const RETRY_MS = 500;

/** What the committer keeps. */
export interface Committable {
  /** Whether somebody waits for it to be kept, or there is much. */
  readonly isUrgent: boolean;
  /** What is to be kept next; undefined if all is. */
  nextBatch(): Batch | undefined;
  /** The last batch is kept. */
  onCommitted(): void;
  /** It is not. It is asked for again later. */
  onCommitFailed(): void;
}

/**
 * Keeps what is said, one transaction at a time for all rooms: what is said while one is under way is in the next, so that
 * they grow with the load, and their cost does not.
 *
 * ```text
 * idle ──something is said──▶ gathering ──a while, or it is urgent──▶ scheduled ──▶ committing ──▶ idle
 *                                 ▲                                                    └─it fails──▶ waiting
 *                                 └─────────────────────────a while─────────────────────────────────────┘
 * ```
 */
export class Committer<K extends Committable> {
  readonly #history: History;
  readonly #options: CommitterOptions;
  readonly #dirty = new Set<K>();
  #state: "idle" | "gathering" | "scheduled" | "committing" | "waiting" = "idle";
  #whenIdle: PromiseWithResolvers<void> | undefined;
  #isStopped = false;

  constructor(history: History, options: CommitterOptions) {
    this.#history = history;
    this.#options = options;
  }

  /** Asks for a room to be kept. */
  request(room: K): void {
    this.#dirty.add(room);
    this.#gather();
    if (this.#state === "gathering" && room.isUrgent) this.#schedule();
  }

  /** Resolves when all that was said is kept, or could not be. */
  async settled(): Promise<void> {
    if (this.#state === "idle" || this.#state === "waiting") return;
    if (this.#state === "gathering") this.#schedule();
    await (this.#whenIdle ??= Promise.withResolvers()).promise;
  }

  /** Begins no transaction any more. */
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
    this.#options.defer(() => this.#commit());
  }

  async #commit(): Promise<void> {
    this.#state = "committing";
    const rooms: K[] = [];
    const batches: Batch[] = [];
    for (const room of this.#dirty) {
      const batch = room.nextBatch();
      if (!batch) continue;
      rooms.push(room);
      batches.push(batch);
    }
    this.#dirty.clear();
    try {
      if (batches.length > 0) await this.#history.append(batches);
      this.#state = "idle";
    } catch (error) {
      this.#state = "waiting";
      this.#options.onFault(error);
    }
    if (this.#state === "idle") this.#goOn(rooms);
    else this.#retryLater(rooms);
    if (rooms.length > 0 && this.#state !== "waiting" && this.#whenIdle) return this.#schedule();
    this.#whenIdle?.resolve();
    this.#whenIdle = undefined;
  }

  #goOn(kept: readonly K[]): void {
    for (const room of kept) room.onCommitted();
    // In these more may have been said meanwhile, and in others. Where all is kept, there is no next batch.
    for (const room of [...kept, ...this.#dirty]) this.request(room);
  }

  #retryLater(notKept: readonly K[]): void {
    for (const room of notKept) {
      this.#dirty.add(room);
      room.onCommitFailed();
    }
    this.#options.startTimer(() => {
      this.#state = "idle";
      this.#gather();
    }, RETRY_MS);
  }
}

/** What a committer needs. */
export interface CommitterOptions {
  /** Runs a function once the reads that are ready have been let in. */
  readonly defer: (run: () => void) => void;
  readonly startTimer: (run: () => void, ms: number) => void;
  /** Told why a transaction has failed. */
  readonly onFault: (error: unknown) => void;
}
