import type { Author, Message } from "../message.ts";

/** From a message on, who spoke, and when. */
export interface Run {
  readonly first: number;
  readonly author: Author;
  readonly atMs: number;
}

/** Messages of a room, one behind the other, to be kept. */
export interface Batch {
  readonly room: string;
  /** The epoch that they are of, and the number of the message before its first. */
  readonly epoch: Epoch;
  /** The number of the first. */
  readonly first: number;
  /** The messages as whole, unmasked frames. */
  readonly frames: Uint8Array<ArrayBuffer>;
  readonly runs: readonly Run[];
  /** The ids of those that came with one. */
  readonly ids: readonly (readonly [number: number, id: string])[];
}

/** A time in which one server counted the messages of a room. */
export interface Epoch {
  readonly name: string;
  /** The number of the last message before it. */
  readonly after: number;
}

/** What is known of a room that was there before. */
export interface StoredRoom {
  /** The number of the newest message that was kept. */
  readonly headSeq: number;
  /** In order. The last message of each is the one before the next begins. */
  readonly epochs: readonly Epoch[];
}

/**
 * Where messages are kept that must outlive the memory of their room, and the process.
 *
 * What is not committed when the process is killed has never been: its numbers are given to other messages in the next epoch.
 * Without epochs a reader that was ahead of the commit would come back with such a number, and miss those.
 *
 * Reading may throw an Error if what is kept cannot be read.
 */
export interface History extends AsyncDisposable {
  /** The epoch of this run. */
  readonly epoch: string;
  /** With which session tokens are signed, so that they are good after a restart. */
  readonly sessionKey: Uint8Array;
  /** What is known of a room; undefined if it has never been. */
  open(room: string): StoredRoom | undefined;
  /** The number of the oldest message that is kept, and not older than a time in milliseconds since 1970, if any. */
  oldest(room: string, fromMs: number): number | undefined;
  /** The messages behind this number, in order: `limit` of them, or all that are kept. */
  read(room: string, after: number, limit: number): Message[];
  /** The number of the message that an author has said with an id. */
  numberOf(room: string, authorId: string | null, id: string): number | undefined;
  /** Names of rooms behind this one, in the order of their UTF-8. */
  roomNames(after: string, limit: number): string[];
  /** Keeps batches, all or none. Resolves when they are as safe as was asked for; rejects if they are not kept. */
  append(batches: readonly Batch[]): Promise<void>;
}
