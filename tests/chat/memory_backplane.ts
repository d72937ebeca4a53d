import {
  type Backplane,
  BackplaneCounters,
  type BackplaneProcess,
  type RoomListener,
  type SharedRoom,
  type StreamHead,
} from "../../lib/chat/backplane.ts";
import { compareUtf8 } from "../../lib/chat/compare_utf8.ts";
import { HistoryUnavailableError } from "../../lib/chat/history/history.ts";
import { MemoryRoomStream } from "./memory_room_stream.ts";
import type { MemoryProcess, MemoryStream, StreamEntry } from "./memory_stream.ts";

export interface MemoryBackplaneOptions {
  /** Runs a function in a later turn. Default: `queueMicrotask`. */
  readonly defer?: (run: () => void) => void;
  /** Default: a million bytes. */
  readonly maxHeldBytes?: number;
}

/** A backplane in this process, for tests: everything comes back in a later turn. */
export class MemoryBackplane implements Backplane, MemoryProcess {
  readonly counters = new BackplaneCounters();
  readonly stream: MemoryStream;
  readonly maxHeldBytes: number;
  process: BackplaneProcess | undefined;
  refusesNew = false;
  readonly #defer: (run: () => void) => void;
  readonly #rooms = new Map<string, MemoryRoomStream>();
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  /** How many entries of the stream have been handled. */
  #handled = 0;
  /** The newest message that has been handled. */
  receivedSeq = 0;
  #isAwake = false;
  #isPaused = false;

  constructor(
    stream: MemoryStream,
    { defer = queueMicrotask, maxHeldBytes = 1_000_000 }: MemoryBackplaneOptions = {},
  ) {
    this.stream = stream;
    this.maxHeldBytes = maxHeldBytes;
    this.#defer = defer;
    this.#handled = stream.entries.length;
    this.receivedSeq = stream.flushes.at(-1)?.lastSeq ?? 0;
    stream.processes.add(this);
  }

  get sessionKey(): Uint8Array {
    return this.stream.sessionKey;
  }

  get epoch(): string {
    return this.stream.epoch;
  }

  get outage(): string | undefined {
    return this.stream.outage;
  }

  /** Whether nothing comes from the stream. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.wake();
  }

  start(process: BackplaneProcess): void {
    this.process = process;
  }

  open(name: string, listener: RoomListener): MemoryRoomStream {
    if (this.#rooms.has(name)) throw new Error(`The room is already open: ${name}`);
    const room = new MemoryRoomStream(name, this, listener);
    this.#rooms.set(name, room);
    this.wake();
    return room;
  }

  close(name: string, room: MemoryRoomStream): void {
    if (this.#rooms.get(name) === room) this.#rooms.delete(name);
  }

  get localMemberCounts(): Iterable<readonly [room: string, count: number]> {
    return this.#rooms.values().map(({ name, listener }) => [name, listener.localMemberCount]);
  }

  listenerOf(name: string): RoomListener | undefined {
    return this.#rooms.get(name)?.listener;
  }

  async rooms(after: string, limit: number): Promise<SharedRoom[]> {
    await this.caughtUp();
    const counts = new Map(this.stream.flushes.map(({ room }) => [room, 0]));
    for (const process of this.stream.processes) {
      if (process === this) continue;
      for (const [room, count] of process.localMemberCounts) {
        if (count > 0) counts.set(room, (counts.get(room) ?? 0) + count);
      }
    }
    return [...counts].filter(([room]) => compareUtf8(room, after) > 0)
      .sort(([one], [other]) => compareUtf8(one, other)).slice(0, limit)
      .map(([room, memberCount]) => ({ room, memberCount }));
  }

  async heads(rooms: readonly string[]): Promise<StreamHead[]> {
    await this.caughtUp();
    return rooms.map((room) => {
      const last = this.stream.flushesOf(room).at(-1);
      return { seq: last?.lastSeq ?? 0, hasMessages: last !== undefined };
    });
  }

  /** Resolves when all entries have been handled. */
  async caughtUp(): Promise<void> {
    if (this.outage !== undefined) throw new HistoryUnavailableError(this.outage);
    if (this.#handled === this.stream.entries.length) return;
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    await waiting.promise;
  }

  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#defer(() => {
      this.#isAwake = false;
      this.#run();
    });
  }

  startOver(): void {
    const rooms = [...this.#rooms.values()];
    this.#rooms.clear();
    this.#handled = 0;
    this.receivedSeq = 0;
    for (const room of rooms) room.refuseAll();
  }

  async endPublishing(waitMs: number): Promise<number> {
    const endMs = performance.now() + waitMs;
    const rooms = [...this.#rooms.values()];
    const refusedBefore = this.counters.refused;
    this.refusesNew = true;
    while (rooms.some((room) => room.hasPending) && this.outage === undefined) {
      if (performance.now() >= endMs) break;
      await new Promise((resolve) => setTimeout(resolve));
    }
    for (const room of rooms) room.refuseAll();
    return this.counters.refused - refusedBefore;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stream.processes.delete(this);
    for (const [room, { listener }] of this.#rooms) {
      const left = [...listener.localMembers];
      this.stream.push({ type: "presence", room, from: this, joined: [], left });
    }
    this.startOver();
    return Promise.resolve();
  }

  #run(): void {
    if (this.#isPaused) return;
    while (this.#handled < this.stream.entries.length) {
      this.#handle(this.stream.entries[this.#handled++]!);
    }
    for (const waiting of this.#waiting.splice(0)) waiting.resolve();
    if (this.outage !== undefined) return;
    for (const room of [...this.#rooms.values()]) {
      if (!room.isOpen) room.tryOpen();
      room.flush();
    }
  }

  #handle(entry: StreamEntry): void {
    if (entry.type === "flush") this.receivedSeq = entry.lastSeq;
    const room = this.#rooms.get(entry.room);
    if (!room?.isOpen) return;
    if (entry.type === "flush") room.onFlush(entry);
    else if (entry.type === "delete") room.listener.onDeleted();
    else if (entry.from !== this) room.onPresence(entry.from, entry.joined, entry.left);
  }
}
