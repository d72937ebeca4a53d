import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Batch, Epoch, History, RoomHead, StoredRoom } from "../chat/history/history.ts";
import { newEpochName } from "../chat/history/position.ts";
import type { Message } from "../chat/message.ts";
import type { SqliteWriterOptions } from "./sqlite_writer.ts";
import { startSqliteWorker, type StartWorker, WriterThread } from "./writer_thread.ts";

/**
 * How long a read waits while another program has the file locked. Reads block the event loop, and
 * the chat tries them again.
 */
const READ_TIMEOUT_MS = 50;

/**
 * A history in an SQLite file. One thread writes and this one reads; WAL mode lets them do so at
 * the same time.
 *
 * A commit survives the end of the process; with the durability `power` it survives a loss of power
 * too.
 */
export class SqliteHistory implements History {
  readonly epoch: string = newEpochName();
  readonly sessionKey: Uint8Array;
  readonly #options: SqliteWriterOptions;
  readonly #startWorker: StartWorker;
  readonly #lock: Deno.FsFile;
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<Record<keyof typeof SQL, StatementSync>>;
  #thread: WriterThread;
  #isClosed = false;

  private constructor(
    options: SqliteWriterOptions,
    { lock, thread, startWorker }: {
      readonly lock: Deno.FsFile;
      readonly thread: WriterThread;
      readonly startWorker: StartWorker;
    },
  ) {
    this.#options = options;
    this.#startWorker = startWorker;
    this.#lock = lock;
    this.#thread = thread;
    const database = new DatabaseSync(options.path, { readOnly: true, timeout: READ_TIMEOUT_MS });
    this.#database = database;
    this.#statements = Object.fromEntries(
      Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)]),
    ) as Record<keyof typeof SQL, StatementSync>;
    // Rows as arrays are read nearly twice as fast. Deno's declarations lack the method.
    for (const statement of [this.#statements.read, this.#statements.messageOf]) {
      (statement as StatementSync & ArrayReader).setReturnArrays(true);
    }
    this.sessionKey = this.#statements.sessionKey.get()!.value as Uint8Array;
  }

  /**
   * Opens a file, or creates it.
   *
   * @param startWorker Starts the writer thread's worker.
   * @throws {Error} If the file cannot be used. It is left as it is.
   */
  static async open(
    options: SqliteWriterOptions,
    startWorker: StartWorker = startSqliteWorker,
  ): Promise<SqliteHistory> {
    const { path } = options;
    const lock = await Deno.open(path, { read: true, write: true, create: true });
    let thread: WriterThread | undefined;
    try {
      // The lock ends with the process, however it ends.
      if (!await lock.tryLock(true)) throw new Error("another server has it open");
      thread = new WriterThread(startWorker);
      await thread.request({ type: "open", options });
      return new SqliteHistory(options, { lock, thread, startWorker });
    } catch (cause) {
      thread?.[Symbol.dispose]();
      lock.close();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`Cannot store messages in ${path} because ${reason}: --data (CHORUS_DATA)`, {
        cause,
      });
    }
  }

  open(room: string): StoredRoom | undefined {
    const row = this.#statements.room.get(room) as { id: number; head: number } | undefined;
    if (!row) return undefined;
    const epochs = this.#statements.epochs.all(row.id) as unknown as Epoch[];
    return { headSeq: row.head, epochs };
  }

  oldestSeq(room: string, fromMs: number): number | undefined {
    return this.#statements.oldestSeq.get(room, fromMs)?.seq as number | undefined;
  }

  read(room: string, after: number, limit: number): Message[] {
    const rows = this.#statements.read.all(room, after, limit) as unknown as Row[];
    return rows.map(toMessage);
  }

  messageOf(room: string, authorId: string | null, id: string): Message | undefined {
    const row = this.#statements.messageOf.get(room, id, authorId) as unknown as Row | undefined;
    return row && toMessage(row);
  }

  rooms(after: string, limit: number): RoomHead[] {
    return this.#statements.rooms.all(after, limit) as unknown as RoomHead[];
  }

  async append(batches: readonly Batch[]): Promise<void> {
    if (this.#thread.hasEnded && !this.#isClosed) await this.#restartThread();
    const buffers = batches.flatMap(({ bodies: { bytes, bounds, isBinary } }) => [
      bytes.buffer,
      bounds.buffer,
      isBinary.buffer,
    ]);
    await this.#thread.request({ type: "append", batches }, buffers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    try {
      this.#database.close();
      if (!this.#thread.hasEnded) await this.#thread.request({ type: "close" });
    } finally {
      this.#thread[Symbol.dispose]();
      // A child process that starts now inherits the open file for a moment, and the lock with it.
      await this.#lock.unlock();
      this.#lock.close();
    }
  }

  /**
   * Replaces a writer thread that has failed. Its last transaction was committed whole, or not at
   * all.
   */
  async #restartThread(): Promise<void> {
    const thread = new WriterThread(this.#startWorker);
    try {
      await thread.request({ type: "open", options: this.#options });
    } catch (error) {
      thread[Symbol.dispose]();
      throw error;
    }
    if (this.#isClosed) thread[Symbol.dispose]();
    this.#thread = thread;
  }
}

interface ArrayReader {
  setReturnArrays(enabled: boolean): void;
}

/** A row of the statements that select messages. */
type Row = [
  seq: number,
  atMs: number,
  authorId: string | null,
  name: string | null,
  body: string | Uint8Array<ArrayBuffer>,
  wholeText: Uint8Array<ArrayBuffer> | null,
];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function toMessage([seq, atMs, id, name, body, wholeText]: Row): Message {
  return { seq, author: { id, name }, atMs, body: wholeText ? decoder.decode(wholeText) : body };
}

/**
 * The bytes of a text that contains U+0000, as node:sqlite cuts such a text there; otherwise NULL.
 */
const WHOLE_TEXT =
  "iif(instr(body, char(0)) > 0 AND typeof(body) = 'text', CAST(body AS BLOB), NULL)";

const OF_ROOM = "room = (SELECT id FROM rooms WHERE name = ?)";

const SELECT_MESSAGE = `SELECT seq, at, author, name, body, ${WHOLE_TEXT} FROM messages`;

const SQL = {
  sessionKey: "SELECT value FROM settings WHERE name = 'session key'",
  room: "SELECT id, head FROM rooms WHERE name = ?",
  epochs: "SELECT name, after FROM epochs WHERE room = ? ORDER BY after",
  oldestSeq: `SELECT seq FROM messages WHERE ${OF_ROOM} AND at >= ? ORDER BY seq LIMIT 1`,
  read: `${SELECT_MESSAGE} WHERE ${OF_ROOM} AND seq > ? ORDER BY seq LIMIT ?`,
  // Without INDEXED BY, SQLite would search all messages of the room.
  messageOf: `${SELECT_MESSAGE} INDEXED BY messages_by_id
    WHERE ${OF_ROOM} AND id = ? AND author IS ?`,
  rooms: `SELECT name AS room, head AS seq, (
      SELECT name FROM epochs WHERE room = rooms.id AND after < head ORDER BY after DESC LIMIT 1
    ) AS epoch FROM rooms WHERE name > ? ORDER BY name LIMIT ?`,
} as const;
