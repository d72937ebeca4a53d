/** When a message came to the first of its receivers, and to the last. Times are in milliseconds of the run. */
export interface Spread {
  /** The same for all receivers of a message, and for no other. */
  readonly key: number;
  readonly plannedMs: number;
  firstMs: number;
  lastMs: number;
}

/** Where there are many messages, the first in each slot of this length is followed. */
const SLOT_US = 1000;

/** Follows messages from their first receiver to the last: all, or one in each millisecond where there are more. */
export class SpreadRecorder {
  readonly #spreads = new Map<number, Spread>();
  readonly #followedUs: number;

  constructor(ratePerSecond: number) {
    this.#followedUs = ratePerSecond > 0 ? 1_000_000 / ratePerSecond : Infinity;
  }

  /** Notes that a message has come to one of its receivers. */
  record(
    { sender, number, plannedUs }: {
      readonly sender: number;
      readonly number: number;
      readonly plannedUs: number;
    },
    nowMs: number,
  ): void {
    if (plannedUs % SLOT_US >= this.#followedUs) return;
    const key = sender * 2 ** 32 + number;
    const spread = this.#spreads.get(key);
    if (spread) spread.lastMs = nowMs;
    else {
      const plannedMs = plannedUs / 1000;
      this.#spreads.set(key, { key, plannedMs, firstMs: nowMs, lastMs: nowMs });
    }
  }

  /** Takes out what has been noted; what comes later is to be {@linkcode SpreadMerger.add}ed to it. */
  take(): readonly Spread[] {
    const spreads = [...this.#spreads.values()];
    this.#spreads.clear();
    return spreads;
  }
}

/** A message that was planned so long ago is taken as it is: nobody else will get it. */
const OLD_MS = 60_000;

/** Puts together what several recorders have noted, or one at several times. */
export class SpreadMerger {
  readonly #spreads = new Map<number, Spread>();
  readonly #onWhole: (spread: Spread) => void;

  /** @param onWhole Takes a message when everybody who gets it has got it. */
  constructor(onWhole: (spread: Spread) => void) {
    this.#onWhole = onWhole;
  }

  add(spreads: readonly Spread[], nowMs: number): void {
    for (const { key, plannedMs, firstMs, lastMs } of spreads) {
      const known = this.#spreads.get(key);
      if (known) {
        known.firstMs = Math.min(known.firstMs, firstMs);
        known.lastMs = Math.max(known.lastMs, lastMs);
      } else this.#spreads.set(key, { key, plannedMs, firstMs, lastMs });
    }
    this.#takeOut((spread) => spread.plannedMs < nowMs - OLD_MS);
  }

  /** Takes all that are left as they are. */
  close(): void {
    this.#takeOut(() => true);
  }

  #takeOut(isWhole: (spread: Spread) => boolean): void {
    for (const spread of this.#spreads.values()) {
      if (!isWhole(spread)) continue;
      this.#spreads.delete(spread.key);
      this.#onWhole(spread);
    }
  }
}
