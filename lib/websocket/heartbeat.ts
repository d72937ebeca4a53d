import type { Connection } from "./connection.ts";
import { PauseDetector } from "./pause_detector.ts";

/** The deadlines of a connection, in milliseconds. 0 disables a deadline. */
export interface HeartbeatOptions {
  /** After this much silence the peer is pinged. */
  readonly pingIntervalMs: number;
  /** The time that a peer has to answer a ping, or the connection is destroyed. */
  readonly pongTimeoutMs: number;
  /** The time that a write may make no progress, or the connection is destroyed. */
  readonly stallTimeoutMs: number;
  /** The time that the closing handshake may take, or the connection is destroyed. */
  readonly closeTimeoutMs: number;
}

/** The times that the deadlines count from. */
export type Times = Pick<
  Connection,
  "lastReadAtMs" | "pingedAtMs" | "writingSinceMs" | "closingSinceMs" | "isHeldBack"
>;

/** What is due for a connection. */
export type Due = "ping" | "unanswered ping" | "stalled reader" | "unanswered close" | undefined;

/** Decides what is due. No ping is due during a write, which has a deadline of its own. */
export function whatIsDue(times: Times, nowMs: number, options: HeartbeatOptions): Due {
  const { pingIntervalMs, pongTimeoutMs, stallTimeoutMs, closeTimeoutMs } = options;
  const isOver = (sinceMs: number | undefined, limitMs: number) =>
    isDeadlineOver(nowMs, sinceMs, limitMs);
  if (isOver(times.closingSinceMs, closeTimeoutMs)) return "unanswered close";
  if (times.closingSinceMs !== undefined) return undefined;
  if (isOver(times.writingSinceMs, stallTimeoutMs)) return "stalled reader";
  if (times.isHeldBack) return undefined;
  if (isOver(times.pingedAtMs, pongTimeoutMs)) return "unanswered ping";
  const isQuiet = times.pingedAtMs === undefined && times.writingSinceMs === undefined;
  return isQuiet && isOver(times.lastReadAtMs, pingIntervalMs) ? "ping" : undefined;
}

/** What a {@linkcode Heartbeat} needs of a connection. */
export type Watched = Times & Pick<Connection, "ping" | "destroy">;

/**
 * Enforces the deadlines of all connections with one timer, and is a clock that they can read.
 *
 * The connections must read this clock, or the one that is passed to the constructor.
 */
export class Heartbeat implements Disposable {
  readonly #options: HeartbeatOptions;
  readonly #clock: { readonly nowMs: number };
  readonly #connections = new Set<Watched>();
  readonly #pauses: PauseDetector;
  readonly #timer: ReturnType<typeof setInterval>;
  /** The time of the last check in whole milliseconds. It is exact enough, and free to read. */
  nowMs: number;

  constructor(options: HeartbeatOptions, clock: { readonly nowMs: number } = SYSTEM_CLOCK) {
    this.#options = options;
    this.#clock = clock;
    this.nowMs = Math.floor(clock.nowMs);
    const intervalMs = heartbeatIntervalMs(options);
    this.#pauses = new PauseDetector(intervalMs, this.nowMs);
    this.#timer = setInterval(() => this.#check(), intervalMs);
  }

  add(connection: Watched): void {
    this.#connections.add(connection);
  }

  delete(connection: Watched): void {
    this.#connections.delete(connection);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Enforces the deadlines, unless peers may be late only because this process has paused. */
  #check(): void {
    this.nowMs = Math.floor(this.#clock.nowMs);
    if (this.#pauses.hasPaused(this.nowMs)) return;
    for (const connection of this.#connections) {
      const due = whatIsDue(connection, this.nowMs, this.#options);
      if (due === "ping") connection.ping();
      else if (due) connection.destroy({ code: 1006, reason: due });
    }
  }
}

const SYSTEM_CLOCK = {
  get nowMs() {
    return performance.now();
  },
};

/**
 * Whether a deadline has passed.
 *
 * @param sinceMs When the time began; undefined if it did not.
 * @param limitMs The time; 0 if there is no limit.
 */
export function isDeadlineOver(
  nowMs: number,
  sinceMs: number | undefined,
  limitMs: number,
): boolean {
  return sinceMs !== undefined && limitMs > 0 && nowMs - sinceMs >= limitMs;
}

/**
 * Returns how often to check deadlines: at a quarter of the shortest one, but at least 10 ms and at
 * most 1 s.
 */
export function checkIntervalMs(deadlinesMs: readonly number[]): number {
  return Math.min(1000, Math.max(10, Math.min(...deadlinesMs) / 4));
}

/** Returns how often a heartbeat checks its deadlines. */
export function heartbeatIntervalMs(options: HeartbeatOptions): number {
  const { pingIntervalMs, pongTimeoutMs, stallTimeoutMs, closeTimeoutMs } = options;
  const deadlines = [pingIntervalMs, pongTimeoutMs, stallTimeoutMs, closeTimeoutMs];
  return checkIntervalMs(deadlines.filter((ms) => ms > 0));
}
