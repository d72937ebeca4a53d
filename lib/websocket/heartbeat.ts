import type { Connection } from "./connection.ts";

/** How long a connection may be silent, stuck or closing. Each is in milliseconds; 0 disables it. */
export interface HeartbeatOptions {
  /** A peer that has been silent for this long is pinged. */
  readonly pingIntervalMs: number;
  /** A peer that has not answered a ping for this long is destroyed. */
  readonly pongTimeoutMs: number;
  /** A peer that has not read a single byte for this long, while there is something to read, is destroyed. */
  readonly stallTimeoutMs: number;
  /** A peer that has not finished the closing handshake for this long is destroyed. */
  readonly closeTimeoutMs: number;
}

/** When the things happened that the deadlines count from. */
export type Times = Pick<
  Connection,
  "lastReadAtMs" | "pingedAtMs" | "writingSinceMs" | "closingSinceMs" | "isHeldBack"
>;

/** What is due for a connection. */
export type Due = "ping" | "unanswered ping" | "stalled reader" | "unanswered close" | undefined;

/** Decides what is due. A write under way needs no ping beside it: its own progress is watched. */
export function whatIsDue(times: Times, nowMs: number, options: HeartbeatOptions): Due {
  const { pingIntervalMs, pongTimeoutMs, stallTimeoutMs, closeTimeoutMs } = options;
  const isOver = (sinceMs: number | undefined, limitMs: number) =>
    sinceMs !== undefined && limitMs > 0 && nowMs - sinceMs >= limitMs;
  if (isOver(times.closingSinceMs, closeTimeoutMs)) return "unanswered close";
  if (times.closingSinceMs !== undefined) return undefined;
  if (isOver(times.writingSinceMs, stallTimeoutMs)) return "stalled reader";
  if (times.isHeldBack) return undefined;
  if (isOver(times.pingedAtMs, pongTimeoutMs)) return "unanswered ping";
  const isQuiet = times.pingedAtMs === undefined && times.writingSinceMs === undefined;
  return isQuiet && isOver(times.lastReadAtMs, pingIntervalMs) ? "ping" : undefined;
}

/** Keeps the deadlines of many connections with one timer for all, and the clock that they read. */
export class Heartbeat implements Disposable {
  readonly #options: HeartbeatOptions;
  readonly #connections = new Set<Connection>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** The time in whole milliseconds, as of the last beat: exact enough for the deadlines, and free to read. */
  nowMs = Math.floor(performance.now());

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#beat(), beatMs(options));
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  delete(connection: Connection): void {
    this.#connections.delete(connection);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    this.nowMs = Math.floor(performance.now());
    for (const connection of this.#connections) {
      const due = whatIsDue(connection, this.nowMs, this.#options);
      if (due === "ping") connection.ping();
      else if (due) connection.destroy({ code: 1006, reason: due });
    }
  }
}

/** How often to look after deadlines of these lengths: a quarter of the shortest, but from 10 ms to 1 s. */
export function lookIntervalMs(deadlinesMs: readonly number[]): number {
  return Math.min(1000, Math.max(10, Math.min(...deadlinesMs) / 4));
}

/** How often the heartbeat looks. */
export function beatMs(options: HeartbeatOptions): number {
  const { pingIntervalMs, pongTimeoutMs, stallTimeoutMs, closeTimeoutMs } = options;
  const deadlines = [pingIntervalMs, pongTimeoutMs, stallTimeoutMs, closeTimeoutMs];
  return lookIntervalMs(deadlines.filter((ms) => ms > 0));
}
