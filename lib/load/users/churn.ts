import type { User } from "./user_pool.ts";
import { delay } from "../delay.ts";

/** What {@linkcode Churn} needs. */
export interface ChurnOptions {
  /** How many users leave and come again per second. */
  readonly ratePerSecond: number;
  readonly users: readonly User[];
  /** A source of numbers from 0 up to 1. */
  readonly random: () => number;
  readonly reconnect: (user: User) => Promise<void>;
}

/** Lets users leave and come again, one after the other, chosen at random: listeners, if there are any. */
export class Churn {
  readonly #candidates: readonly User[];
  readonly #options: ChurnOptions;
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: ChurnOptions) {
    const awake = options.users.filter(({ isSlow }) => !isSlow);
    const listeners = awake.filter(({ sender }) => sender < 0);
    this.#candidates = listeners.length > 0 ? listeners : awake;
    this.#options = options;
  }

  /** Goes on until {@linkcode stop}. */
  async run(): Promise<void> {
    const { ratePerSecond, reconnect } = this.#options;
    const startMs = performance.now();
    for (let turn = 1; ratePerSecond > 0; turn++) {
      await delay(startMs + turn * 1000 / ratePerSecond - performance.now(), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      const user = this.#pick();
      if (!user) continue;
      const coming: Promise<void> = reconnect(user).finally(() => this.#underWay.delete(coming));
      this.#underWay.add(coming);
    }
  }

  /** Ends it. Resolves when everybody who has left has come again. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#underWay);
  }

  /** The first from a random one on who is connected. */
  #pick(): User | undefined {
    const candidates = this.#candidates;
    const from = Math.floor(this.#options.random() * candidates.length);
    for (let offset = 0; offset < candidates.length; offset++) {
      const user = candidates[(from + offset) % candidates.length]!;
      if (user.connection?.isOpen && !user.isChurning) return user;
    }
    return undefined;
  }
}
