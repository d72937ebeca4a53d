import type { User } from "./user.ts";

/** Options of {@linkcode SenderTurns}. */
export interface SenderTurnsOptions {
  /** `even`: the senders take turns. `zipf`: the k-th room gets a share proportional to 1/k. */
  readonly skew: "even" | "zipf";
  /** A source of numbers from 0 up to, not including, 1. */
  readonly random: () => number;
}

/** Decides which sender sends the next message. */
export class SenderTurns {
  /** Groups of senders. A group is chosen at random, and its members take turns. */
  readonly #groups: readonly { readonly senders: readonly User[]; turn: number }[];
  /** Up to which number from 0 to 1 each group is chosen. */
  readonly #bounds: readonly number[];
  readonly #random: () => number;

  constructor(senders: readonly User[], options: SenderTurnsOptions) {
    const { skew, random } = options;
    const byRoom = Map.groupBy(senders, ({ plan }) => skew === "even" ? 0 : plan.room);
    const groups = [...byRoom.values()];
    const weights = [...byRoom.keys()].map(roomWeight);
    const sum = weights.reduce((sum, weight) => sum + weight, 0);
    let bound = 0;
    this.#groups = groups.map((senders) => ({ senders, turn: 0 }));
    this.#bounds = weights.map((weight) => bound += weight / sum);
    this.#random = random;
  }

  /** The next sender that is connected; undefined if there is none. */
  next(): User | undefined {
    const groups = this.#groups;
    const first = groups.length === 1 ? 0 : this.#pick();
    for (let offset = 0; offset < groups.length; offset++) {
      const group = groups[(first + offset) % groups.length]!;
      for (let tries = 0; tries < group.senders.length; tries++) {
        const user = group.senders[group.turn++ % group.senders.length]!;
        if (user.connection?.isOpen) return user;
      }
    }
    return undefined;
  }

  #pick(): number {
    const at = this.#random();
    const group = this.#bounds.findIndex((bound) => at < bound);
    return group < 0 ? this.#bounds.length - 1 : group;
  }
}

/** The weight of a room under Zipf's law. */
export function roomWeight(room: number): number {
  return 1 / (room + 1);
}
