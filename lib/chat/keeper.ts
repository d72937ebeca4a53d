import type { Batch, History } from "./history.ts";

/** How long the keeper waits after a failure before it tries again, in milliseconds. */
const RETRY_MS = 500;

/** What the keeper keeps. */
export interface Keepable {
  /** What is to be kept next; undefined if all is. */
  nextBatch(): Batch | undefined;
  /** The last batch is kept. */
  onKept(): void;
  /** It is not. It is asked for again later. */
  onNotKept(): void;
}

/**
 * Keeps what is said, one transaction at a time for all rooms: what is said while one is under way is in the next, so that
 * they grow with the load, and their cost does not.
 */
export class Keeper<K extends Keepable> {
  readonly #history: History;
  readonly #options: KeeperOptions;
  readonly #dirty = new Set<K>();
  #state: "idle" | "scheduled" | "busy" | "waiting" = "idle";
  #whenIdle: PromiseWithResolvers<void> | undefined;

  constructor(history: History, options: KeeperOptions) {
    this.#history = history;
    this.#options = options;
  }

  /** Asks for a room to be kept. */
  request(room: K): void {
    this.#dirty.add(room);
    this.#schedule();
  }

  /** Resolves when all that was said is kept, or could not be. */
  async settled(): Promise<void> {
    if (this.#state === "idle" || this.#state === "waiting") return;
    await (this.#whenIdle ??= Promise.withResolvers()).promise;
  }

  #schedule(): void {
    if (this.#state !== "idle" || this.#dirty.size === 0) return;
    this.#state = "scheduled";
    this.#options.defer(() => this.#commit());
  }

  async #commit(): Promise<void> {
    this.#state = "busy";
    const rooms: K[] = [];
    const batches: Batch[] = [];
    for (const room of this.#dirty) {
      const batch = room.nextBatch();
      if (!batch) continue;
      rooms.push(room);
      batches.push(batch);
    }
    this.#dirty.clear();
    let hasFailed = false;
    try {
      if (batches.length > 0) await this.#history.append(batches);
      this.#state = "idle";
      for (const room of rooms) {
        room.onKept();
        this.#dirty.add(room);
      }
      // A room of which all is kept has no next batch, and is left out then.
      if (rooms.length > 0) this.#schedule();
    } catch (error) {
      hasFailed = true;
      this.#state = "waiting";
      this.#options.onFault(error);
      for (const room of rooms) {
        this.#dirty.add(room);
        room.onNotKept();
      }
      this.#options.startTimer(() => {
        this.#state = "idle";
        this.#schedule();
      }, RETRY_MS);
    }
    if (this.#dirty.size > 0 && !hasFailed) return;
    this.#whenIdle?.resolve();
    this.#whenIdle = undefined;
  }
}

/** What a keeper needs. */
export interface KeeperOptions {
  /** Runs a function once the reads that are ready have been let in. */
  readonly defer: (run: () => void) => void;
  readonly startTimer: (run: () => void, ms: number) => void;
  /** Told why a transaction has failed. */
  readonly onFault: (error: unknown) => void;
}
