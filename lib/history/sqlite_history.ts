import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ageOf, type AgeRange } from "../chat/history/age_range.ts";
import type { Batch, Epoch, History, RoomHead, StoredRoom } from "../chat/history/history.ts";
import { newEpochName } from "../chat/history/position.ts";
import type { Message } from "../chat/message.ts";
import { awaitDataFile, type LockedFile, unlockDataFile, type WaitOptions } from "./data_file.ts";
import { DataFileError } from "./data_file_error.ts";
import { AFTER_FUTURE, type SeqTime } from "./sqlite_tidier.ts";
import type { SqliteWriterOptions } from "./sqlite_writer.ts";
import { startSqliteWorker, type StartWorker, WriterThread } from "./writer_thread.ts";
import { prepareAll, type Statements } from "./statements.ts";

/**
 * How long a read waits while another program has the file locked. Reads block the event loop, and
 * the chat tries them again.
 */
const READ_TIMEOUT_MS = 50;

/** The pauses between two steps of tidying: while there is more to do, and otherwise. */
const TIDY_PAUSE_MS = { busy: 100, idle: 10_000 };

/** What a {@linkcode SqliteHistory} is made of. */
export interface SqliteHistoryOptions extends SqliteWriterOptions {
  /** By default, a file that another server uses is refused at once. */
  readonly wait?: WaitOptions;
  /** Decides which messages are too old. */
  readonly ageLimit: { readonly deletableRange: AgeRange };
  /** Called when the file cannot be tidied; once, until it can again. */
  readonly onError: (error: unknown) => void;
}

/**
 * A history in an SQLite file. One thread writes and this one reads; WAL mode lets them do so at
 * the same time.
 *
 * A commit survives the end of the process; with the durability `power` it survives a loss of power
 * too.
 */
export class SqliteHistory implements History {
  epoch: string = newEpochName();
  readonly sessionKey: Uint8Array;
  readonly #options: SqliteHistoryOptions;
  readonly #startWorker: StartWorker;
  readonly #file: LockedFile;
  readonly #database: DatabaseSync;
  readonly #statements: Statements<typeof SQL>;
  #thread: WriterThread;
  #tidyTimer: ReturnType<typeof setTimeout> | undefined;
  #isTidyFailing = false;
  #isClosed = false;

  private constructor(
    options: SqliteHistoryOptions,
    { file, thread, startWorker }: {
      readonly file: LockedFile;
      readonly thread: WriterThread;
      readonly startWorker: StartWorker;
    },
  ) {
    this.#options = options;
    this.#startWorker = startWorker;
    this.#file = file;
    this.#thread = thread;
    const database = new DatabaseSync(file.path, { readOnly: true, timeout: READ_TIMEOUT_MS });
    this.#database = database;
    this.#statements = prepareAll(database, SQL);
    // Rows as arrays are read nearly twice as fast. Deno's declarations lack the method.
    const { read, readBefore, messageOf } = this.#statements;
    for (const statement of [read, readBefore, messageOf]) {
      (statement as StatementSync & ArrayReader).setReturnArrays(true);
    }
    this.sessionKey = this.#statements.sessionKey.get()!.value as Uint8Array;
    this.#tidyAfter(TIDY_PAUSE_MS.busy);
  }

  /**
   * Opens a file, or creates it.
   *
   * @param startWorker Starts the writer thread's worker.
   * @throws {DataFileError} If the file cannot be used. It is left as it is.
   */
  static async open(
    options: SqliteHistoryOptions,
    startWorker: StartWorker = startSqliteWorker,
  ): Promise<SqliteHistory> {
    let file: LockedFile | undefined;
    let thread: WriterThread | undefined;
    try {
      file = await awaitDataFile(options.path, options.wait ?? { waitMs: 0, onWait: () => {} });
      thread = new WriterThread(startWorker);
      await thread.request({ type: "open", options: writerOptions(options, file) });
      return new SqliteHistory(options, { file, thread, startWorker });
    } catch (cause) {
      thread?.[Symbol.dispose]();
      if (file) await unlockDataFile(file);
      throw new DataFileError(options.path, cause);
    }
  }

  open(room: string): StoredRoom | undefined {
    const row = this.#statements.room.get(room) as { id: number; head: number } | undefined;
    if (!row) return undefined;
    const epochs = this.#statements.epochs.all(row.id) as unknown as Epoch[];
    return { headSeq: row.head, epochs };
  }

  oldestSeq(room: string, range: AgeRange): number | undefined {
    const { notOld, afterFuture } = this.#statements;
    for (let after = 0;;) {
      const first = notOld.get(room, after, range.fromMs) as SeqTime | undefined;
      if (!first || ageOf(first.at, range) === "fresh") return first?.seq;
      const id = this.#statements.room.get(room)!.id as number;
      const next = afterFuture.get(id, first.seq, range.nowMs) as SeqTime | undefined;
      if (!next || ageOf(next.at, range) === "fresh") return first.seq;
      after = next.seq;
    }
  }

  read(room: string, after: number, limit: number): Message[] {
    const rows = this.#statements.read.all(room, after, limit) as unknown as Row[];
    return rows.map(toMessage);
  }

  readBefore(room: string, upTo: number, limit: number): Message[] {
    const rows = this.#statements.readBefore.all(room, upTo, limit) as unknown as Row[];
    return rows.reverse().map(toMessage);
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

  async deleteRoom(room: string, upTo: number): Promise<void> {
    this.epoch = newEpochName();
    if (this.#thread.hasEnded && !this.#isClosed) await this.#restartThread();
    while ((await this.#thread.request({ type: "delete", room, upTo })).hasMore);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#tidyTimer);
    try {
      this.#database.close();
      if (!this.#thread.hasEnded) await this.#thread.request({ type: "close" });
    } finally {
      this.#thread[Symbol.dispose]();
      await unlockDataFile(this.#file);
    }
  }

  #tidyAfter(ms: number): void {
    this.#tidyTimer = setTimeout(() => this.#tidy(), ms);
  }

  /** Tidies a little of the file, which has to happen when no client publishes as well. */
  async #tidy(): Promise<void> {
    let hasMore = false;
    // An append starts a new thread.
    if (!this.#thread.hasEnded) {
      try {
        const range = this.#options.ageLimit.deletableRange;
        ({ hasMore } = await this.#thread.request({ type: "tidy", range }));
        this.#isTidyFailing = false;
      } catch (cause) {
        if (!this.#isTidyFailing && !this.#isClosed) {
          const reason = cause instanceof Error ? cause.message : String(cause);
          const message = `Cannot delete old messages from ${this.#file.path}: ${reason}`;
          this.#options.onError(new Error(message, { cause }));
        }
        this.#isTidyFailing = true;
      }
    }
    if (!this.#isClosed) this.#tidyAfter(hasMore ? TIDY_PAUSE_MS.busy : TIDY_PAUSE_MS.idle);
  }

  /**
   * Replaces a writer thread that has failed. Its last transaction was committed whole, or not at
   * all.
   */
  async #restartThread(): Promise<void> {
    const thread = new WriterThread(this.#startWorker);
    try {
      await thread.request({ type: "open", options: writerOptions(this.#options, this.#file) });
    } catch (error) {
      thread[Symbol.dispose]();
      throw error;
    }
    if (this.#isClosed) thread[Symbol.dispose]();
    this.#thread = thread;
  }
}

/** The options of the writer, which go to its thread. */
function writerOptions(
  { durability, historyMessages }: SqliteHistoryOptions,
  { path }: LockedFile,
): SqliteWriterOptions {
  return { path, durability, historyMessages };
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
  notOld: `SELECT seq, at FROM messages WHERE ${OF_ROOM} AND seq > ? AND at >= ?
    ORDER BY seq LIMIT 1`,
  afterFuture: AFTER_FUTURE,
  read: `${SELECT_MESSAGE} WHERE ${OF_ROOM} AND seq > ? ORDER BY seq LIMIT ?`,
  readBefore: `${SELECT_MESSAGE} WHERE ${OF_ROOM} AND seq <= ? ORDER BY seq DESC LIMIT ?`,
  // Without INDEXED BY, SQLite would search all messages of the room.
  messageOf: `${SELECT_MESSAGE} INDEXED BY messages_by_id
    WHERE ${OF_ROOM} AND id = ? AND author IS ?`,
  rooms: `SELECT name AS room, head AS seq, (
      SELECT name FROM epochs WHERE room = rooms.id AND after < head ORDER BY after DESC LIMIT 1
    ) AS epoch FROM rooms WHERE name > ? ORDER BY name LIMIT ?`,
} as const;
