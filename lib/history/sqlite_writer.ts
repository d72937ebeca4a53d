import { DatabaseSync } from "node:sqlite";
import type { AgeRange } from "../chat/history/age_range.ts";
import type { Batch } from "../chat/history/history.ts";
import { unpackBodies } from "../chat/history/packed_bodies.ts";
import { FileWatch } from "./file_watch.ts";
import { migrate } from "./sqlite_schema.ts";
import { SqliteTidier } from "./sqlite_tidier.ts";
import { BUSY_TIMEOUT_MS, transact } from "./transact.ts";
import { prepareAll, type Statements } from "./statements.ts";

/** Above this size the WAL is shortened as soon as all of it is in the file. */
const MAX_WAL_BYTES = 16 * 1024 ** 2;

/** The maximum number of messages that are trimmed for each message that is written. */
const TRIM_FACTOR = 2;

/** The number of messages that one step deletes. Commits wait for it. */
const DELETE_STEP = 1000;

/** How often to check that the files are still there, as a check may cost as much as a commit. */
const CHECK_INTERVAL_MS = 100;

/** What a {@linkcode SqliteWriter} is made of. */
export interface SqliteWriterOptions {
  readonly path: string;
  /** What a commit survives: the end of the process, or also a loss of power. */
  readonly durability: "process" | "power";
  /** The maximum number of messages of each room; 0 disables the limit. */
  readonly historyMessages: number;
}

/** Writes the file of a history. It waits for the disk, so it runs in a thread of its own. */
export class SqliteWriter implements Disposable {
  readonly #database: DatabaseSync;
  readonly #options: SqliteWriterOptions;
  readonly #statements: Statements<typeof SQL>;
  readonly #tidier: SqliteTidier;
  readonly #watches: Readonly<Record<"file" | "wal" | "lock", FileWatch>>;
  readonly #monotonicMs: () => number;
  #checkedMs = -Infinity;

  /**
   * Opens the file, or creates it.
   *
   * @param monotonicMs Reads a clock in milliseconds.
   * @throws {Error} If it cannot be used.
   */
  constructor(options: SqliteWriterOptions, monotonicMs = () => performance.now()) {
    this.#options = options;
    this.#monotonicMs = monotonicMs;
    const database = new DatabaseSync(options.path, { timeout: BUSY_TIMEOUT_MS });
    try {
      migrate(database);
      const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode;
      // WAL needs memory that processes can share, which network file systems do not have.
      if (mode !== "wal") {
        throw new Error(`its file system supports no WAL, only ${mode}; use a local disk`);
      }
      database.exec(`PRAGMA synchronous = ${options.durability === "power" ? "FULL" : "NORMAL"}`);
      database.exec(`PRAGMA journal_size_limit = ${MAX_WAL_BYTES}`);
      // The first read creates the WAL.
      database.prepare("SELECT 1 FROM rooms LIMIT 1").get();
      this.#tidier = new SqliteTidier(database, options.historyMessages);
      this.#watches = {
        file: new FileWatch(options.path),
        wal: new FileWatch(`${options.path}-wal`),
        lock: new FileWatch(`${options.path}.lock`),
      };
      this.#statements = prepareAll(database, SQL);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
  }

  /** Writes batches in one transaction, and trims their rooms. */
  append(batches: readonly Batch[]): void {
    this.#checkFiles();
    transact(this.#database, () => batches.forEach((batch) => this.#append(batch)));
  }

  /** Tidies the file a little, see {@linkcode SqliteTidier.step}. */
  tidy(range: AgeRange): boolean {
    this.#checkFiles();
    return this.#tidier.step(range);
  }

  /**
   * Deletes some messages of a room up to a sequence number. Then, if the room has no others, it is
   * forgotten. Returns whether there is more to delete.
   */
  delete(room: string, upTo: number): boolean {
    this.#checkFiles();
    const { deleteMessages, deleteEpochs, deleteRoom } = this.#statements;
    return transact(this.#database, () => {
      if (deleteMessages.run(room, upTo, DELETE_STEP).changes === DELETE_STEP) return true;
      deleteEpochs.run(room);
      deleteRoom.run(room);
      return false;
    });
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

  #checkFiles(): void {
    const nowMs = this.#monotonicMs();
    if (nowMs - this.#checkedMs < CHECK_INTERVAL_MS) return;
    const { file, wal, lock } = this.#watches;
    file.check();
    wal.check();
    // If the lock file is missing, no other server may have started yet. If it was replaced,
    // another server has.
    lock.check({ mayBeDeleted: true });
    this.#checkedMs = nowMs;
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
  deleteMessages: `DELETE FROM messages WHERE (room, seq) IN (
    SELECT room, seq FROM messages
    WHERE room = (SELECT id FROM rooms WHERE name = ?) AND seq <= ? ORDER BY seq LIMIT ?)`,
  deleteEpochs: `DELETE FROM epochs WHERE room = (SELECT id FROM rooms WHERE name = ?
    AND NOT EXISTS (SELECT 1 FROM messages WHERE room = rooms.id))`,
  deleteRoom: `DELETE FROM rooms WHERE name = ?
    AND NOT EXISTS (SELECT 1 FROM messages WHERE room = rooms.id)`,
} as const;
