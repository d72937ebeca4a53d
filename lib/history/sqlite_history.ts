import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Batch, Epoch, History, StoredRoom } from "../chat/history/history.ts";
import type { Message } from "../chat/message.ts";
import { newEpoch } from "../chat/history/position.ts";
import { BUSY_TIMEOUT_MS, type SqliteWriterOptions } from "./sqlite_writer.ts";
import { WriterThread } from "./writer_thread.ts";

/**
 * Keeps the messages in an SQLite file: one thread writes, and this one reads, which WAL mode lets them do side by side.
 *
 * A commit survives the end of the process; with the durability "power" also that of the machine's power.
 */
export class SqliteHistory implements History {
  readonly epoch: string = newEpoch();
  readonly sessionKey: Uint8Array;
  readonly #lock: Deno.FsFile;
  readonly #thread: WriterThread;
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<Record<keyof typeof SQL, StatementSync>>;

  private constructor(path: string, lock: Deno.FsFile, thread: WriterThread) {
    this.#lock = lock;
    this.#thread = thread;
    this.#database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    this.#statements = Object.fromEntries(
      Object.entries(SQL).map(([name, sql]) => [name, this.#database.prepare(sql)]),
    ) as Record<keyof typeof SQL, StatementSync>;
    // Rows as arrays are read nearly twice as fast; Deno's declarations do not know of them yet.
    (this.#statements.read as StatementSync & ArrayReader).setReturnArrays(true);
    const { value } = this.#database.prepare(
      "SELECT value FROM settings WHERE name = 'session key'",
    )
      .get() as { value: Uint8Array };
    this.sessionKey = value;
  }

  /** Opens a file, or makes it. Rejects with an Error that says why it cannot be used; it is left as it is then. */
  static async open(options: SqliteWriterOptions): Promise<SqliteHistory> {
    const { path } = options;
    const lock = await Deno.open(path, { read: true, write: true, create: true });
    let thread: WriterThread | undefined;
    try {
      // The lock goes with the process, however it ends.
      if (!await lock.tryLock(true)) throw new Error("another server has it open");
      thread = new WriterThread();
      await thread.request({ type: "open", options });
      return new SqliteHistory(path, lock, thread);
    } catch (error) {
      thread?.[Symbol.dispose]();
      lock.close();
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot keep the history in ${path} as ${why}: --data (CHORUS_DATA)`, {
        cause: error,
      });
    }
  }

  open(room: string): StoredRoom | undefined {
    const kept = this.#statements.room.get(room) as { id: number; head: number } | undefined;
    if (!kept) return undefined;
    const epochs = this.#statements.epochs.all(kept.id) as unknown as Epoch[];
    return { headSeq: kept.head, epochs };
  }

  oldest(room: string, fromMs: number): number | undefined {
    return this.#statements.oldest.get(room, fromMs)?.number as number | undefined;
  }

  read(room: string, after: number, limit: number): Message[] {
    const rows = this.#statements.read.all(room, after, limit) as unknown as Row[];
    return rows.map(([number, atMs, id, name, body, whole]) => ({
      number,
      author: { id, name },
      atMs,
      body: whole ? decoder.decode(whole) : body,
    }));
  }

  numberOf(room: string, authorId: string | null, id: string): number | undefined {
    return this.#statements.numberOf.get(room, id, authorId)?.number as number | undefined;
  }

  roomNames(after: string, limit: number): string[] {
    return this.#statements.names.all(after, limit).map(({ name }) => String(name));
  }

  append(batches: readonly Batch[]): Promise<void> {
    const buffers = batches.map(({ frames }) => frames.buffer);
    return this.#thread.request({ type: "append", batches }, buffers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#database.close();
      await this.#thread.request({ type: "close" });
    } finally {
      this.#thread[Symbol.dispose]();
      // A child process that starts now inherits the open file for a moment, and the lock with it.
      await this.#lock.unlock();
      this.#lock.close();
    }
  }
}

interface ArrayReader {
  setReturnArrays(enabled: boolean): void;
}

/** A message as the reading statement gives it. */
type Row = [
  number: number,
  atMs: number,
  author: string | null,
  name: string | null,
  body: string | Uint8Array<ArrayBuffer>,
  whole: Uint8Array<ArrayBuffer> | null,
];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes of a text with U+0000 in it, at which node:sqlite ends it; else NULL. */
const WHOLE = `iif(instr(body, char(0)) > 0 AND typeof(body) = 'text', CAST(body AS BLOB), NULL)`;

const OF_ROOM = "room = (SELECT id FROM rooms WHERE name = ?)";

const SQL = {
  room: "SELECT id, head FROM rooms WHERE name = ?",
  epochs: "SELECT name, after FROM epochs WHERE room = ? ORDER BY after",
  oldest: `SELECT number FROM messages WHERE ${OF_ROOM} AND at >= ? ORDER BY number LIMIT 1`,
  read: `SELECT number, at, author, name, body, ${WHOLE} FROM messages
    WHERE ${OF_ROOM} AND number > ? ORDER BY number LIMIT ?`,
  numberOf: `SELECT number FROM messages WHERE ${OF_ROOM} AND id = ? AND author IS ?`,
  names: "SELECT name FROM rooms WHERE name > ? ORDER BY name LIMIT ?",
} as const;
