import type { DatabaseSync, StatementSync } from "node:sqlite";
import { BUSY_TIMEOUT_MS, transact } from "./transact.ts";

/** The maximum number of rooms that one step looks at. */
const STEP_ROOMS = 100;

/** One step deletes chunks of so many messages until it has taken this long. */
const STEP = { messages: 100, ms: 10 };

/** The maximum number of pages by which one step shrinks the file. */
const STEP_PAGES = 256;

/**
 * Tidies the file of a history in small steps, between commits: deletes the messages that are no
 * longer retained, then gives the free space back to the file system.
 *
 * ```text
 * ┌─▶ trimming ──every room is trimmed──▶ shrinking ──no free pages──▶ the WAL is emptied ─┐
 * └────────────────────────────────────────────────────────────────────────────────────────┘
 * ```
 */
export class SqliteTidier {
  readonly #database: DatabaseSync;
  readonly #historyMessages: number;
  readonly #statements: Readonly<Record<keyof typeof SQL, StatementSync>>;
  #state: "trimming" | "shrinking" = "trimming";
  /** The room that was trimmed last. */
  #room = 0;

  /** @param historyMessages The maximum number of messages of each room; 0 disables the limit. */
  constructor(database: DatabaseSync, historyMessages: number) {
    this.#database = database;
    this.#historyMessages = historyMessages;
    this.#statements = Object.fromEntries(
      Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)]),
    ) as Record<keyof typeof SQL, StatementSync>;
  }

  /**
   * Takes one step. Returns whether there is more to do.
   *
   * @param fromMs Messages from before this time since 1970 are deleted. Those after the first one
   * from a later time are not, so that no gap comes up between messages.
   */
  step(fromMs: number): boolean {
    if (this.#state === "trimming") {
      if (this.#trim(fromMs)) return true;
      this.#state = "shrinking";
    }
    if (this.#shrink()) return true;
    this.#emptyWal();
    this.#state = "trimming";
    return false;
  }

  #trim(fromMs: number): boolean {
    const rooms = this.#statements.oldest.all(this.#room, STEP_ROOMS) as unknown as RoomRow[];
    for (const { id, head, seq, at } of rooms) {
      const lastExcessSeq = this.#historyMessages === 0 ? 0 : head - this.#historyMessages;
      if (seq !== null && (seq <= lastExcessSeq || at! < fromMs)) {
        const isTrimmed = transact(this.#database, () => this.#delete(id, lastExcessSeq, fromMs));
        if (isTrimmed) this.#room = id;
        return true;
      }
      this.#room = id;
    }
    if (rooms.length === STEP_ROOMS) return true;
    this.#room = 0;
    return false;
  }

  /** Deletes messages of a room. Returns whether all are deleted that have to be. */
  #delete(room: number, lastExcessSeq: number, fromMs: number): boolean {
    const { deletable, remove } = this.#statements;
    const endMs = performance.now() + STEP.ms;
    for (;;) {
      const { lastSeq, freshSeq } = deletable.get(fromMs, room, STEP.messages) as unknown as {
        readonly lastSeq: number | null;
        readonly freshSeq: number | null;
      };
      const lastOldSeq = freshSeq === null ? lastSeq ?? 0 : freshSeq - 1;
      const lastDeletedSeq = Math.min(lastSeq ?? 0, Math.max(lastExcessSeq, lastOldSeq));
      const { changes } = remove.run(room, lastDeletedSeq);
      if (changes < STEP.messages) return true;
      if (performance.now() >= endMs) return false;
    }
  }

  /** Gives free pages back. Files from before Chorus did so have free pages, but cannot shrink. */
  #shrink(): boolean {
    const { freePages, shrink } = this.#statements;
    const { count } = freePages.get()!;
    if (count === 0) return false;
    // Each page is a row, and is only given back when the row is read.
    shrink.all();
    return freePages.get()!.count !== count;
  }

  /** Moves the WAL into the file. While another program reads the file, that has to wait. */
  #emptyWal(): void {
    this.#database.exec("PRAGMA busy_timeout = 0");
    this.#statements.emptyWal.get();
    this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
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
  deletable: `SELECT max(seq) AS lastSeq, min(iif(at >= ?, seq, NULL)) AS freshSeq
    FROM (SELECT seq, at FROM messages WHERE room = ? ORDER BY seq LIMIT ?)`,
  remove: "DELETE FROM messages WHERE room = ? AND seq <= ?",
  freePages: "SELECT freelist_count AS count FROM pragma_freelist_count",
  shrink: `PRAGMA incremental_vacuum(${STEP_PAGES})`,
  emptyWal: "PRAGMA wal_checkpoint(TRUNCATE)",
} as const;
