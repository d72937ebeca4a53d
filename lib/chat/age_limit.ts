/**
 * How far the system clock may depart from the monotonic one between two readings. If it departs
 * further, it has jumped.
 */
const TOLERANCE_MS = 10_000;

/** How long the system clock must run without a jump to be trusted. */
const STEADY_MS = 60 * 60 * 1000;

/** What an {@linkcode AgeLimit} is made of. */
export interface AgeLimitOptions {
  /** How long messages are retained; 0 disables the limit. */
  readonly historyAgeMs: number;
  /** Reads the system clock, in milliseconds since 1970. */
  readonly readMs: () => number;
  /** Reads a clock that never jumps, in milliseconds since any time. */
  readonly monotonicMs: () => number;
  /** Called when the system clock has jumped, with the time by which it did. */
  readonly onJump: (jumpMs: number) => void;
}

/**
 * The time before which messages are too old to be retained, by a system clock that may jump.
 *
 * For example, a clock is two hours ahead for a second, because an administrator or a time server
 * has set it wrongly. Without care, a server that retains messages for an hour would delete all of
 * them in this second. So a jump ahead does not count until the clock has been steady for an hour,
 * or for the limit if it is less. A jump back counts at once, as it makes messages younger.
 *
 * A clock may also be wrong when the server starts, so nothing is deleted before it has been steady
 * for that time. After a suspension the clock has jumped as well, and deletion waits.
 */
export class AgeLimit {
  readonly #options: AgeLimitOptions;
  /** The difference between the clocks at the last reading. */
  #offsetMs: number;
  /** The difference that counts. */
  #trustedOffsetMs: number;
  /** When the system clock jumped last, by the monotonic one. */
  #steadySinceMs: number;

  constructor(options: AgeLimitOptions) {
    this.#options = options;
    this.#steadySinceMs = options.monotonicMs();
    this.#offsetMs = options.readMs() - this.#steadySinceMs;
    this.#trustedOffsetMs = this.#offsetMs;
  }

  /** Messages from before this time since 1970 are not served; 0 without a limit. */
  get fromMs(): number {
    return this.#read().fromMs;
  }

  /** Messages from before this time since 1970 may be deleted; 0 if none may. */
  get deletableFromMs(): number {
    const { fromMs, isSteady } = this.#read();
    return isSteady ? fromMs : 0;
  }

  #read(): { readonly fromMs: number; readonly isSteady: boolean } {
    const { historyAgeMs, readMs, monotonicMs, onJump } = this.#options;
    if (historyAgeMs === 0) return { fromMs: 0, isSteady: true };
    const nowMs = monotonicMs();
    const offsetMs = readMs() - nowMs;
    const jumpMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(jumpMs) > TOLERANCE_MS) {
      this.#steadySinceMs = nowMs;
      onJump(jumpMs);
    }
    const isSteady = nowMs - this.#steadySinceMs >= Math.min(STEADY_MS, historyAgeMs);
    if (isSteady || offsetMs <= this.#trustedOffsetMs + TOLERANCE_MS) {
      this.#trustedOffsetMs = offsetMs;
    }
    return { fromMs: nowMs + this.#trustedOffsetMs - historyAgeMs, isSteady };
  }
}
