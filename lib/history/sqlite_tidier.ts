import type { DatabaseSync } from "node:sqlite";
import { ageOf, type AgeRange } from "../chat/history/age_range.ts";
import { BUSY_TIMEOUT_MS, transact } from "./transact.ts";
import { prepareAll, type Statements } from "./statements.ts";

/** The sequence number of a message, and its time in milliseconds since 1970. */
export interface SeqTime {
  readonly seq: number;
  readonly at: number;
}

/**
 * Selects the first message after a run of messages from the future: after a sequence number, and
 * not later than a time. A run of more than 1,000 messages is not looked through, and is retained.
 */
export const AFTER_FUTURE = `SELECT seq, at FROM
  (SELECT seq, at FROM messages WHERE room = ? AND seq > ? ORDER BY seq LIMIT 1000)
  WHERE at <= ? ORDER BY seq LIMIT 1`;

/** The maximum number of rooms that one step looks at. */
const STEP_ROOMS = 100;

/** One step deletes chunks of so many messages, until it has taken this long. */
const STEP = { messages: 100, ms: 10 };

/** The free part of the file that stays, for the next messages. */
const MAX_FREE = 1 / 10;

/** The maximum number of pages by which one step shrinks the file. */
const STEP_PAGES = 256;

/**
 * Tidies the file of a history in small steps, between commits: deletes the messages that are no
 * longer retained, then gives the free space back to the file system.
 *
 * ```text
 * ┌─▶ trimming ──every room is trimmed──▶ shrinking ──few free pages──▶ the WAL is emptied ─┐
 * └────────────────────────────────────────────────────────────────────────────────────────┘
 * ```
 */
export class SqliteTidier {
  readonly #database: DatabaseSync;
  readonly #historyMessages: number;
  readonly #statements: Statements<typeof SQL>;
  #state: "trimming" | "shrinking" = "trimming";
  /** The room that was trimmed last. */
  #room = 0;

  /** @param historyMessages The maximum number of messages of each room; 0 disables the limit. */
  constructor(database: DatabaseSync, historyMessages: number) {
    this.#database = database;
    this.#historyMessages = historyMessages;
    this.#statements = prepareAll(database, SQL);
  }

  /**
   * Takes one step. Returns whether there is more to do.
   *
   * @param range Decides which messages are too old.
   */
  step(range: AgeRange): boolean {
    if (this.#state === "trimming") {
      if (this.#trim(range)) return true;
      this.#state = "shrinking";
    }
    if (this.#shrink()) return true;
    this.#emptyWal();
    this.#state = "trimming";
    return false;
  }

  #trim(range: AgeRange): boolean {
    const rooms = this.#statements.oldest.all(this.#room, STEP_ROOMS) as unknown as RoomRow[];
    const stale = rooms.filter(({ head, seq, at }) =>
      seq !== null && (seq <= this.#lastExcessSeq(head) || ageOf(at!, range) !== "fresh")
    );
    const endMs = performance.now() + STEP.ms;
    const trim = (room: RoomRow) => {
      if (!this.#delete(room, range, endMs)) return false;
      this.#room = room.id;
      return performance.now() < endMs;
    };
    if (stale.length > 0 && !transact(this.#database, () => stale.every(trim))) return true;
    const hasMore = rooms.length === STEP_ROOMS;
    this.#room = hasMore ? rooms.at(-1)!.id : 0;
    return hasMore;
  }

  /** The newest message of a room beyond the limit on their number. */
  #lastExcessSeq(headSeq: number): number {
    return this.#historyMessages === 0 ? 0 : headSeq - this.#historyMessages;
  }

  /** Deletes messages of a room. Returns whether no more messages of the room must be deleted. */
  #delete({ id, head }: RoomRow, range: AgeRange, endMs: number): boolean {
    const { first, remove } = this.#statements;
    do {
      const messages = first.all(id, STEP.messages) as unknown as SeqTime[];
      const lastSeq = Math.min(
        messages.at(-1)?.seq ?? 0,
        Math.max(this.#lastExcessSeq(head), this.#lastOldSeq(id, messages, range)),
      );
      if (remove.run(id, lastSeq).changes === 0) return true;
    } while (performance.now() < endMs);
    return false;
  }

  /** The newest of the first messages of a room that is old enough to be deleted; 0 if none is. */
  #lastOldSeq(room: number, messages: readonly SeqTime[], range: AgeRange): number {
    let lastOldSeq = 0;
    for (const { seq, at } of messages) {
      const age = ageOf(at, range);
      if (age === "fresh") return lastOldSeq;
      if (age === "old") lastOldSeq = seq;
    }
    if (lastOldSeq > 0 || messages.length < STEP.messages) return lastOldSeq;
    // All of them are from the future. If the next message that is not is old, so are they.
    const lastSeq = messages.at(-1)!.seq;
    const next = this.#statements.afterFuture.get(room, lastSeq, range.nowMs) as
      | SeqTime
      | undefined;
    return next && ageOf(next.at, range) === "old" ? lastSeq : 0;
  }

  /** Gives free pages back. That does nothing to a file that was made without `auto_vacuum`. */
  #shrink(): boolean {
    const { pages, shrink } = this.#statements;
    const { total, free } = pages.get() as Record<"total" | "free", number>;
    if (free <= MAX_FREE * total) return false;
    // Each page is a row, and is only given back when the row is read.
    shrink.all();
    return pages.get()!.free !== free;
  }

  /** Moves the WAL into the file. While another program reads the file, that has to wait. */
  #emptyWal(): void {
    this.#database.exec("PRAGMA busy_timeout = 0");
    try {
      this.#statements.emptyWal.get();
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }
}

/** A room and its oldest message; null if it has none. */
interface RoomRow {
  readonly id: number;
  readonly head: number;
  readonly seq: number | null;
  readonly at: number | null;
}

const SQL = {
  oldest: `SELECT rooms.id, head, seq, at FROM rooms LEFT JOIN messages ON room = rooms.id AND seq =
    (SELECT seq FROM messages WHERE room = rooms.id ORDER BY seq LIMIT 1)
    WHERE rooms.id > ? ORDER BY rooms.id LIMIT ?`,
  first: "SELECT seq, at FROM messages WHERE room = ? ORDER BY seq LIMIT ?",
  afterFuture: AFTER_FUTURE,
  remove: "DELETE FROM messages WHERE room = ? AND seq <= ?",
  pages: `SELECT page_count AS total, freelist_count AS free
    FROM pragma_page_count, pragma_freelist_count`,
  shrink: `PRAGMA incremental_vacuum(${STEP_PAGES})`,
  emptyWal: "PRAGMA wal_checkpoint(TRUNCATE)",
} as const;
