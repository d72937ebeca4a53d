import { delay } from "../delay.ts";
import type { User } from "./user.ts";

/** Options of {@linkcode Churn}. */
export interface ChurnOptions {
  /** How many users disconnect and reconnect per second. */
  readonly ratePerSecond: number;
  readonly users: readonly User[];
  /** A source of numbers from 0 up to, not including, 1. */
  readonly random: () => number;
  /** Disconnects a user and connects it again. */
  readonly reconnect: (user: User) => Promise<void>;
}

/**
 * Lets randomly chosen users disconnect and reconnect, at a fixed rate. It chooses among the users
 * that only listen, or among the senders if all users send. Slow readers stay connected.
 */
export class Churn {
  readonly #candidates: readonly User[];
  readonly #options: ChurnOptions;
  readonly #stop = new AbortController();
  readonly #reconnecting = new Set<Promise<void>>();

  constructor(options: ChurnOptions) {
    const readers = options.users.filter(({ plan }) => !plan.isSlow);
    const listeners = readers.filter(({ plan }) => plan.sender < 0);
    this.#candidates = listeners.length > 0 ? listeners : readers;
    this.#options = options;
  }

  /** Begins. @returns Resolves after {@linkcode stop}; at once if the rate is 0. */
  async start(): Promise<void> {
    const { ratePerSecond, reconnect } = this.#options;
    const startMs = performance.now();
    for (let turn = 1; ratePerSecond > 0; turn++) {
      await delay(startMs + turn * 1000 / ratePerSecond - performance.now(), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      const user = this.#pick();
      if (!user) continue;
      const done: Promise<void> = reconnect(user).finally(() => this.#reconnecting.delete(done));
      this.#reconnecting.add(done);
    }
  }

  /** Ends. @returns Resolves when all users that disconnected have reconnected, or failed to. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#reconnecting);
  }

  /** The first connected user at or after a random place in the list. */
  #pick(): User | undefined {
    const candidates = this.#candidates;
    const from = Math.floor(this.#options.random() * candidates.length);
    for (let offset = 0; offset < candidates.length; offset++) {
      const user = candidates[(from + offset) % candidates.length]!;
      if (user.connection?.isOpen && !user.isAway) return user;
    }
    return undefined;
  }
}
