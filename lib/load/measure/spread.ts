import type { Marker } from "./ledger/marker.ts";

/** When a message reached its first and its last receiver, in milliseconds since the run began. */
export interface Spread {
  /** Identifies the message. */
  readonly key: number;
  readonly plannedMs: number;
  firstMs: number;
  lastMs: number;
}

/** At high rates, only the first message in each slot of this length is followed. */
const SLOT_US = 1000;

/** Follows messages from first to last receiver: all, or at high rates one per millisecond. */
export class SpreadRecorder {
  readonly #spreads = new Map<number, Spread>();
  readonly #followedUs: number;

  constructor(ratePerSecond: number) {
    this.#followedUs = ratePerSecond > 0 ? 1_000_000 / ratePerSecond : Infinity;
  }

  /** Records that a message reached one of its receivers. */
  record(
    { sender, seq, plannedUs }: Readonly<Pick<Marker, "sender" | "seq" | "plannedUs">>,
    nowMs: number,
  ): void {
    if (plannedUs % SLOT_US >= this.#followedUs) return;
    const key = sender * 2 ** 32 + seq;
    const spread = this.#spreads.get(key);
    if (spread) spread.lastMs = nowMs;
    else {
      const plannedMs = plannedUs / 1000;
      this.#spreads.set(key, { key, plannedMs, firstMs: nowMs, lastMs: nowMs });
    }
  }

  /** Returns what was recorded since the last call. A message may be in several results. */
  take(): readonly Spread[] {
    const spreads = [...this.#spreads.values()];
    this.#spreads.clear();
    return spreads;
  }
}

/** A message that was planned this long ago counts as complete. */
const OLD_MS = 60_000;

/** Merges the results of several recorders, and of one recorder at several times. */
export class SpreadMerger {
  readonly #spreads = new Map<number, Spread>();
  readonly #onComplete: (spread: Spread) => void;

  /** @param onComplete Takes each message once, when no more receivers are expected. */
  constructor(onComplete: (spread: Spread) => void) {
    this.#onComplete = onComplete;
  }

  /** Adds the result of a recorder, taken at `nowMs`. */
  add(spreads: readonly Spread[], nowMs: number): void {
    for (const { key, plannedMs, firstMs, lastMs } of spreads) {
      const known = this.#spreads.get(key);
      if (known) {
        known.firstMs = Math.min(known.firstMs, firstMs);
        known.lastMs = Math.max(known.lastMs, lastMs);
      } else this.#spreads.set(key, { key, plannedMs, firstMs, lastMs });
    }
    this.#complete((spread) => spread.plannedMs < nowMs - OLD_MS);
  }

  /** Completes all messages. */
  close(): void {
    this.#complete(() => true);
  }

  #complete(isComplete: (spread: Spread) => boolean): void {
    for (const spread of this.#spreads.values()) {
      if (!isComplete(spread)) continue;
      this.#spreads.delete(spread.key);
      this.#onComplete(spread);
    }
  }
}
