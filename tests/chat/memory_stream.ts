import {
  type BackplaneProcess,
  type RoomListener,
  type StreamedMessage,
  type StreamPublication,
} from "../../lib/chat/backplane.ts";
import { newEpochName } from "../../lib/chat/history/position.ts";
import type { PresentMember } from "../../lib/chat/presence.ts";

/** The sequence numbers of a flush start at its place in the stream times this. */
export const SEQS_PER_FLUSH = 4096;

/** Messages of one room that one process has published at once. */
export interface Flush {
  readonly type: "flush";
  readonly room: string;
  readonly from: MemoryProcess;
  readonly own: readonly StreamPublication[];
  readonly messages: readonly StreamedMessage[];
  /** The newest message of the room that the process knew when the first was published. */
  readonly after: number;
  readonly lastSeq: number;
}

/** What comes to every process, in this order. */
export type StreamEntry =
  | Flush
  | { readonly type: "delete"; readonly room: string }
  | {
    readonly type: "presence";
    readonly room: string;
    readonly from: MemoryProcess;
    readonly joined: readonly PresentMember[];
    readonly left: readonly PresentMember[];
  };

/** A process as the stream sees it. */
export interface MemoryProcess {
  readonly process: BackplaneProcess | undefined;
  /** Starts to handle the entries that it has not handled. */
  wake(): void;
  /** Refuses what is held, and forgets all rooms. */
  startOver(): void;
  listenerOf(room: string): RoomListener | undefined;
  /** The members of each open room in this process. */
  readonly localMemberCounts: Iterable<readonly [room: string, count: number]>;
}

/** The stream that several `MemoryBackplane`s share, and its faults. */
export class MemoryStream {
  readonly sessionKey = crypto.getRandomValues(new Uint8Array(32));
  readonly processes = new Set<MemoryProcess>();
  epoch = newEpochName();
  /** The number of the newest flush. */
  lastFlush = 0;
  /** Everything that comes to the processes. */
  entries: StreamEntry[] = [];
  /** The flushes that are stored, oldest first. */
  flushes: Flush[] = [];
  outage: string | undefined;
  /** Why no room can be opened. */
  openError: Error | undefined;
  /** The newest removed message of each room. */
  readonly #removedUpTo = new Map<string, number>();
  #isHeld = false;

  /** Whether the stream takes messages now. */
  get takesMessages(): boolean {
    return !this.#isHeld && this.outage === undefined;
  }

  /** Takes no messages, without an outage: the store is slow. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Ends {@linkcode hold}. */
  release(): void {
    this.#isHeld = false;
    this.#wakeAll();
  }

  startOutage(reason: string): void {
    this.outage = reason;
    for (const { process } of this.processes) process?.onOutageChange();
  }

  endOutage(): void {
    this.outage = undefined;
    for (const { process } of this.processes) process?.onOutageChange();
    this.#wakeAll();
  }

  /** Loses everything. */
  startOver(): void {
    this.epoch = newEpochName();
    this.entries = [];
    this.flushes = [];
    this.#removedUpTo.clear();
    this.lastFlush = 0;
    for (const process of this.processes) process.startOver();
    for (const { process } of this.processes) process?.onNewEpoch();
  }

  /** Removes the oldest stored flushes of a room, so that this many are left. */
  trim(room: string, left: number): void {
    const stored = this.flushesOf(room);
    const removed = stored.slice(0, Math.max(0, stored.length - left));
    this.flushes = this.flushes.filter((flush) => !removed.includes(flush));
    if (removed.length > 0) this.#removedUpTo.set(room, removed.at(-1)!.lastSeq);
  }

  /** Whether messages of a room after this sequence number were removed. */
  hasRemovedAfter(room: string, seq: number): boolean {
    return (this.#removedUpTo.get(room) ?? 0) > seq;
  }

  /** The stored flushes of a room, oldest first. */
  flushesOf(room: string): Flush[] {
    return this.flushes.filter((flush) => flush.room === room);
  }

  append(
    room: string,
    own: readonly StreamPublication[],
    { from, after }: { readonly from: MemoryProcess; readonly after: number },
  ): void {
    const firstSeq = ++this.lastFlush * SEQS_PER_FLUSH;
    const atMs = Date.now();
    const messages: StreamedMessage[] = [];
    const unseen = this.flushesOf(room).filter(({ lastSeq }) => lastSeq > after);
    const earlier = unseen.flatMap((flush) => flush.messages);
    for (const [index, { author, id, opcode, bytes: payload }] of own.entries()) {
      const message = { seq: firstSeq + index, author, id, atMs, opcode, payload };
      const first = id !== undefined &&
        earlier.find((each) => each.id === id && each.author.id === author.id);
      messages.push(first ? { ...message, duplicateOf: first.seq } : message);
      earlier.push(message);
    }
    const lastSeq = firstSeq + own.length - 1;
    const flush = { type: "flush", room, from, own, messages, after, lastSeq } as const;
    this.flushes.push(flush);
    this.push(flush);
  }

  /** Deletes the stored messages of a room. */
  delete(room: string): void {
    this.trim(room, 0);
    this.push({ type: "delete", room });
  }

  push(entry: StreamEntry): void {
    this.entries.push(entry);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const process of this.processes) process.wake();
  }
}
