import type { Author, Message } from "../message.ts";
import type { AgeRange } from "./age_range.ts";
import type { PackedBodies } from "./packed_bodies.ts";

/**
 * Consecutive messages by one author, published at the same time. It ends where the next span
 * starts.
 */
export interface AuthorSpan {
  /** The sequence number of its first message. */
  readonly firstSeq: number;
  readonly author: Author;
  readonly atMs: number;
}

/** Consecutive messages of a room to commit. */
export interface Batch {
  readonly room: string;
  readonly epoch: Epoch;
  /** The sequence number of the first message. */
  readonly firstSeq: number;
  readonly bodies: PackedBodies;
  readonly authorSpans: readonly AuthorSpan[];
  /** The ids of the messages that have one. */
  readonly ids: readonly (readonly [seq: number, id: string])[];
}

/**
 * A time during which the messages of a room are numbered without interruption: by one process, or
 * in memory until the room is forgotten.
 *
 * Messages that were not committed when a process is killed are gone, and the next process gives
 * their sequence numbers to other messages. Without epochs, a reader that was ahead of the commit
 * would resume from such a number and silently miss those other messages.
 */
export interface Epoch {
  readonly name: string;
  /** The sequence number of the last message before the epoch. */
  readonly after: number;
}

/** What a history knows of a room. */
export interface StoredRoom {
  /** The sequence number of the newest committed message, even if it has been trimmed since. */
  readonly headSeq: number;
  /** In order. The last message of each epoch is the one before the next epoch. */
  readonly epochs: readonly Epoch[];
}

/** The newest committed message of a room, even if it has been trimmed since. */
export interface RoomHead {
  readonly room: string;
  readonly seq: number;
  /** The name of the epoch in which it was numbered. */
  readonly epoch: string;
}

/**
 * A durable store of messages, which outlive the memory of their room and the process.
 *
 * Guarantees: {@linkcode append} is atomic over all its batches; messages of a room are read in the
 * order of their sequence numbers; reads are repeatable until the message is trimmed.
 * Every method that reads throws an Error if the store cannot be read.
 */
export interface History extends AsyncDisposable {
  /** The epoch for the rooms that are opened now: of this process, or since the last deletion. */
  readonly epoch: string;
  /** The key that signs session tokens. It is stored, so that tokens survive a restart. */
  readonly sessionKey: Uint8Array;
  /** What is known of a room; undefined if it has no committed messages. */
  open(room: string): StoredRoom | undefined;
  /**
   * The sequence number of the oldest stored message that is young enough to be served, if any: of
   * the first after the newest old message that comes before the first fresh one. See
   * {@linkcode AgeRange}.
   */
  oldestSeq(room: string, range: AgeRange): number | undefined;
  /** At most `limit` stored messages after a sequence number, in order. */
  read(room: string, after: number, limit: number): Message[];
  /** The newest stored messages up to a sequence number, in order: at most `limit`. */
  readBefore(room: string, upTo: number, limit: number): Message[];
  /** The message that an author published with this id, if it is stored. */
  messageOf(room: string, authorId: string | null, id: string): Message | undefined;
  /** At most `limit` rooms whose names are after a name, in the order of their UTF-8. */
  rooms(after: string, limit: number): RoomHead[];
  /**
   * Commits batches, all or none. Resolves when they are committed, as durably as the history is
   * configured; rejects if they are not.
   */
  append(batches: readonly Batch[]): Promise<void>;
  /**
   * Deletes the messages of a room up to a sequence number, and the room if it has no others. From
   * the call on there is a new epoch, so that the positions of the deleted messages are unknown.
   */
  deleteRoom(room: string, upTo: number): Promise<void>;
}

/**
 * The stored messages of a room cannot be read. The cause tells why; a later attempt may succeed.
 */
export class HistoryUnavailableError extends Error {
  override readonly name = "HistoryUnavailableError";
}

/**
 * Reads from a history.
 *
 * @throws {HistoryUnavailableError} If that fails.
 */
export function readHistory<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HistoryUnavailableError(`Cannot read stored messages: ${reason}`, { cause });
  }
}
