import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Runs of so many messages are remembered. A shorter one is read again in no time. */
const MIN_LENGTH = 1000;

/** The sequence number of a message, and its time in milliseconds since 1970. */
export interface SeqTime {
  readonly seq: number;
  readonly at: number;
}

/** Consecutive messages of a room from the future. */
interface Run {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The earliest of their times. */
  readonly minAt: number;
}

/**
 * The runs of messages from the future, which were published while the clock was ahead. A run can
 * be long, so it is read once and remembered: messages do not change.
 */
export class FutureRuns {
  readonly #statements: Readonly<Record<keyof typeof SQL, StatementSync>>;
  /** The last long run that was found in each room. */
  readonly #runs = new Map<number, Run>();

  constructor(database: DatabaseSync) {
    this.#statements = Object.fromEntries(
      Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)]),
    ) as Record<keyof typeof SQL, StatementSync>;
  }

  /**
   * The message after a run; undefined if the room ends with the run.
   *
   * @param room The room's id.
   * @param seq The sequence number of a message from after `nowMs`, with which the run starts.
   */
  messageAfter(room: number, seq: number, nowMs: number): SeqTime | undefined {
    const { notFuture, run } = this.#statements;
    const last = this.#runs.get(room);
    const isInLast = last && last.firstSeq <= seq && seq <= last.lastSeq && last.minAt > nowMs;
    const known = isInLast ? last : { firstSeq: seq, lastSeq: seq - 1, minAt: Infinity };
    const next = notFuture.get(room, known.lastSeq, nowMs) as SeqTime | undefined;
    const { lastSeq, minAt } = run.get(room, known.lastSeq, next?.seq ?? Infinity) as {
      readonly lastSeq: number | null;
      readonly minAt: number | null;
    };
    if (lastSeq !== null && lastSeq - seq >= MIN_LENGTH) {
      this.#runs.set(room, {
        firstSeq: known.firstSeq,
        lastSeq,
        minAt: Math.min(known.minAt, minAt!),
      });
    }
    return next;
  }
}

const SQL = {
  notFuture: `SELECT seq, at FROM messages WHERE room = ? AND seq > ? AND at <= ?
    ORDER BY seq LIMIT 1`,
  run: `SELECT max(seq) AS lastSeq, min(at) AS minAt FROM messages
    WHERE room = ? AND seq > ? AND seq < ?`,
} as const;
