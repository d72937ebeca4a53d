import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Batch } from "../chat/history/history.ts";
import { unpackBodies } from "../chat/history/packed_bodies.ts";
import { migrate } from "./sqlite_schema.ts";

/** How long a write waits while another program has the file locked. */
const BUSY_TIMEOUT_MS = 1000;

/** The maximum number of messages that are trimmed for each message that is written. */
const TRIM_FACTOR = 2;

/** The maximum number of messages that one step of trimming by age deletes. */
const TRIM_STEP_MESSAGES = 1000;

/** What a {@linkcode SqliteWriter} is made of. */
export interface SqliteWriterOptions {
  readonly path: string;
  /** What a commit survives: the end of the process, or also a loss of power. */
  readonly durability: "process" | "power";
  /** The maximum number of messages of each room; 0 disables the limit. */
  readonly historyMessages: number;
  /** How long messages are retained; 0 disables the limit. */
  readonly historyAgeMs: number;
}

/** Writes the file of a history. It waits for the disk, so it runs in a thread of its own. */
export class SqliteWriter implements Disposable {
  readonly #database: DatabaseSync;
  readonly #options: SqliteWriterOptions;
  readonly #statements: Readonly<Record<keyof typeof SQL, StatementSync>>;
  /** The room that was trimmed by age last. */
  #trimmedRoom = 0;

  /**
   * Opens the file, or creates it.
   *
   * @throws {Error} If it cannot be used.
   */
  constructor(options: SqliteWriterOptions) {
    this.#options = options;
    const database = new DatabaseSync(options.path, { timeout: BUSY_TIMEOUT_MS });
    try {
      migrate(database);
      const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode;
      // WAL needs memory that processes can share, which network file systems do not have.
      if (mode !== "wal") throw new Error(`its file system supports no WAL, only ${mode}`);
      database.exec(`PRAGMA synchronous = ${options.durability === "power" ? "FULL" : "NORMAL"}`);
      this.#statements = Object.fromEntries(
        Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)]),
      ) as Record<keyof typeof SQL, StatementSync>;
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
  }

  /** Writes batches in one transaction, and trims their rooms. */
  append(batches: readonly Batch[]): void {
    this.#transact(() => batches.forEach((batch) => this.#append(batch)));
  }

  /** Trims messages that are too old: one step in one room, the next room at the next call. */
  trimByAge(nowMs: number): void {
    const { historyAgeMs } = this.#options;
    if (historyAgeMs === 0) return;
    const { nextRoom, trimAge } = this.#statements;
    const next = nextRoom.get(this.#trimmedRoom);
    this.#trimmedRoom = Number(next?.id ?? 0);
    if (!next) return;
    const room = this.#trimmedRoom;
    this.#transact(() => trimAge.run(room, nowMs - historyAgeMs, room, TRIM_STEP_MESSAGES));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #append({ room, epoch, firstSeq, bodies, authorSpans, ids }: Batch): void {
    const { upsertRoom, insertEpoch, insertMessage, trimCount } = this.#statements;
    const idBySeq = new Map(ids);
    const { id: roomId } = upsertRoom.get(room, firstSeq) as { id: number };
    insertEpoch.run(roomId, epoch.after, epoch.name);
    let seq = firstSeq;
    let span = 0;
    for (const body of unpackBodies(bodies)) {
      while (span + 1 < authorSpans.length && authorSpans[span + 1]!.firstSeq <= seq) span++;
      const { author: { id, name }, atMs } = authorSpans[span]!;
      insertMessage.run(roomId, seq, atMs, id, name, idBySeq.get(seq) ?? null, body);
      seq++;
    }
    const headSeq = seq - 1;
    upsertRoom.get(room, headSeq);
    const { historyMessages } = this.#options;
    if (historyMessages === 0) return;
    trimCount.run(roomId, headSeq - historyMessages, roomId, TRIM_FACTOR * (seq - firstSeq));
  }

  #transact(act: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      act();
      this.#database.exec("COMMIT");
    } catch (error) {
      // A full disk may have ended the transaction already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

const SQL = {
  upsertRoom: `INSERT INTO rooms (name, head) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET head = max(head, excluded.head) RETURNING id`,
  insertEpoch: "INSERT OR IGNORE INTO epochs (room, after, name) VALUES (?, ?, ?)",
  // A batch comes again if its answer was lost, although it was committed.
  insertMessage: `INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (room, seq) DO NOTHING`,
  trimCount: `DELETE FROM messages WHERE room = ? AND seq <= ? AND seq IN
    (SELECT seq FROM messages WHERE room = ? ORDER BY seq LIMIT ?)`,
  trimAge: `DELETE FROM messages WHERE room = ? AND at < ? AND seq IN
    (SELECT seq FROM messages WHERE room = ? ORDER BY seq LIMIT ?)`,
  nextRoom: "SELECT id FROM rooms WHERE id > ? ORDER BY id LIMIT 1",
} as const;
