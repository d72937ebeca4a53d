import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Batch } from "../chat/history/history.ts";
import { toBody } from "../chat/log/frames.ts";
import { eachFrame } from "../websocket/frame.ts";
import { migrate } from "./sqlite_schema.ts";

/** How long reading and writing wait for another program that has the file locked, in milliseconds. */
export const BUSY_TIMEOUT_MS = 1000;

/** The most messages that are trimmed for each that is written, and of a room in one step by age. */
const TRIM_FACTOR = 2;
const TRIM_STEP_MESSAGES = 1000;

/** What a writer is made of. */
export interface SqliteWriterOptions {
  readonly path: string;
  /** What a commit survives: the end of the process, or that of the machine's power. */
  readonly durability: "process" | "power";
  /** How many messages of each room are kept; 0 is no bound. */
  readonly historyMessages: number;
  /** For how long; 0 is for ever. */
  readonly historyAgeMs: number;
}

/** Writes a history's file. It is slow, as it waits for the disk, and so has a thread of its own. */
export class SqliteWriter implements Disposable {
  readonly #database: DatabaseSync;
  readonly #options: SqliteWriterOptions;
  readonly #statements: Readonly<Record<keyof typeof SQL, StatementSync>>;
  /** Where trimming by age goes on. */
  #trimmedRoom = 0;

  /** Opens the file, or makes it. Throws an Error if it cannot be used. */
  constructor(options: SqliteWriterOptions) {
    this.#options = options;
    const database = new DatabaseSync(options.path, { timeout: BUSY_TIMEOUT_MS });
    try {
      migrate(database);
      const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode;
      // Where memory cannot be shared between processes, as on a network's file system, it stays as it was.
      if (mode !== "wal") throw new Error(`its file system allows no WAL, but only ${mode}`);
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

  /** Trims what is too old, a step in one room after the other. */
  trimByAge(nowMs: number): void {
    const { historyAgeMs } = this.#options;
    if (historyAgeMs === 0) return;
    const next = this.#statements.nextRoom.get(this.#trimmedRoom);
    this.#trimmedRoom = Number(next?.id ?? 0);
    if (!next) return;
    this.#transact(() =>
      this.#statements.trimAge.run(
        this.#trimmedRoom,
        nowMs - historyAgeMs,
        this.#trimmedRoom,
        TRIM_STEP_MESSAGES,
      )
    );
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #append({ room, epoch, first, frames, runs, ids }: Batch): void {
    const { upsertRoom, insertEpoch, insertMessage, trimCount } = this.#statements;
    const idOf = new Map(ids);
    let number = first;
    const { id: roomId } = upsertRoom.get(room, first) as { id: number };
    insertEpoch.run(roomId, epoch.after, epoch.name);
    let line = 0;
    for (const { opcode, payload } of eachFrame(frames)) {
      while (line + 1 < runs.length && runs[line + 1]!.first <= number) line++;
      const { author: { id, name }, atMs } = runs[line]!;
      const body = toBody(opcode, payload);
      insertMessage.run(roomId, number, atMs, id, name, idOf.get(number) ?? null, body);
      number++;
    }
    upsertRoom.get(room, number - 1);
    const { historyMessages } = this.#options;
    if (historyMessages === 0) return;
    const limit = TRIM_FACTOR * (number - first);
    trimCount.run(roomId, number - 1 - historyMessages, roomId, limit);
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
  insertMessage: "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)",
  trimCount: `DELETE FROM messages WHERE room = ? AND number <= ? AND number IN
    (SELECT number FROM messages WHERE room = ? ORDER BY number LIMIT ?)`,
  trimAge: `DELETE FROM messages WHERE room = ? AND at < ? AND number IN
    (SELECT number FROM messages WHERE room = ? ORDER BY number LIMIT ?)`,
  nextRoom: "SELECT id FROM rooms WHERE id > ? ORDER BY id LIMIT 1",
} as const;
