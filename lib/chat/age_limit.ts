import { type AgeRange, ANY_AGE } from "./history/age_range.ts";

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
 * The times from which messages are retained, by a system clock that may jump.
 *
 * For example, a clock is two hours ahead for a second, because an administrator or a time server
 * has set it wrongly. Without care, a server that retains messages for an hour would delete all of
 * them in this second. So a jump ahead does not count until the clock has been steady for an hour,
 * or for the limit if it is less. A jump back counts at once, as it makes messages younger.
 *
 * A clock may also be wrong when the server starts, so nothing is deleted before it has been steady
 * for that time. After a suspension the clock has jumped as well, and deletion waits.
 *
 * A message that was published while the clock was ahead is from the future when the clock is back.
 * It does not prevent others from being hidden or deleted, unless the clock reaches its time before
 * they are old: then it is fresh, see {@linkcode AgeRange}.
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

  /** Decides which messages are served; {@linkcode ANY_AGE} without a limit. */
  get range(): AgeRange {
    return this.#read().range;
  }

  /** Decides which messages may be deleted; {@linkcode ANY_AGE} if none may. */
  get deletableRange(): AgeRange {
    const { range, isSteady } = this.#read();
    return isSteady ? range : ANY_AGE;
  }

  #read(): { readonly range: AgeRange; readonly isSteady: boolean } {
    const { historyAgeMs, readMs, monotonicMs, onJump } = this.#options;
    if (historyAgeMs === 0) return { range: ANY_AGE, isSteady: true };
    const steadyMs = monotonicMs();
    const offsetMs = readMs() - steadyMs;
    const jumpMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(jumpMs) > TOLERANCE_MS) {
      this.#steadySinceMs = steadyMs;
      onJump(jumpMs);
    }
    const isSteady = steadyMs - this.#steadySinceMs >= Math.min(STEADY_MS, historyAgeMs);
    if (isSteady || offsetMs <= this.#trustedOffsetMs + TOLERANCE_MS) {
      this.#trustedOffsetMs = offsetMs;
    }
    const trustedMs = steadyMs + this.#trustedOffsetMs;
    const range = { fromMs: trustedMs - historyAgeMs, nowMs: trustedMs + TOLERANCE_MS };
    return { range, isSteady };
  }
}
