import type { ServerMessage } from "./chorus_v1.ts";
import { Committer } from "./history/committer.ts";
import { type History, HistoryUnavailableError, readHistory } from "./history/history.ts";
import { formatPosition } from "./history/position.ts";
import { LogBudget } from "./log/log_budget.ts";
import { Room, type RoomOptions } from "./room.ts";
import { type ListedRoom, listRooms, type LocatedRoom, locateRooms } from "./room_list.ts";

/** How long a room whose messages are in a stream stays in memory when it is empty. */
const LINGER_MS = 30_000;

/** The options of a room that its rooms add. */
type RoomsPart = "budget" | "durable" | "onForgettable" | "onOpenFailed";

/** What the rooms of a chat are made of. */
export interface RoomsOptions extends Omit<RoomOptions, RoomsPart> {
  /** A durable history; undefined if messages are in memory only, or in a stream. */
  readonly history: History | undefined;
  readonly maxRooms: number;
  readonly maxRoomMembers: number;
  /** The bytes that the logs of all rooms may use together. See {@linkcode LogBudget}. */
  readonly maxLogBytes: number;
}

/**
 * The rooms of a chat, by name.
 *
 * An empty room is forgotten when it retains no messages, or when a durable history has all of
 * them; and some time later if they are in a stream, as opening a room there takes longer. Other
 * empty rooms stay until their memory or capacity is needed: then the one that has been empty for
 * the longest time is forgotten.
 */
export class Rooms {
  readonly #options: RoomsOptions;
  readonly #roomOptions: RoomOptions;
  readonly #durable: RoomOptions["durable"];
  readonly #budget: LogBudget;
  readonly #rooms = new Map<string, Room>();
  /**
   * The empty rooms that retain messages, the one that has been empty for the longest time first.
   */
  readonly #empty = new Set<Room>();
  /** The empty rooms that a timer is to forget, and when. */
  readonly #lingering = new Map<Room, number>();

  constructor(options: RoomsOptions) {
    const { history, maxLogBytes } = options;
    this.#options = options;
    this.#durable = history && { history, committer: new Committer(history, options) };
    this.#budget = new LogBudget(maxLogBytes, () => {
      while (this.#budget.isOver && this.#forgetOne());
    });
    this.#roomOptions = {
      ...options,
      durable: this.#durable,
      budget: this.#budget,
      onForgettable: (room) => this.settle(room),
      onOpenFailed: (room) => this.#remove(room),
    };
  }

  /** The number of rooms in memory. */
  get size(): number {
    return this.#rooms.size;
  }

  /** The memory that the logs of all rooms use. */
  get logBytes(): number {
    return this.#budget.usedBytes;
  }

  /** The bytes that the slowest live member has not been served. Takes a while: it asks each. */
  get maxLagBytes(): number {
    return this.#rooms.values().reduce((max, room) => Math.max(max, room.maxLagBytes), 0);
  }

  /** Whether this room exists or can be created. */
  hasCapacityFor(name: string): boolean {
    return this.#rooms.has(name) || this.size < this.#options.maxRooms || this.#empty.size > 0;
  }

  /**
   * Whether this room has all members that it may have.
   *
   * @param joiningCount The number of connections that are about to join it.
   */
  isFull(name: string, joiningCount = 0): boolean {
    const size = this.#rooms.get(name)?.size ?? 0;
    return size + joiningCount >= this.#options.maxRoomMembers;
  }

  /**
   * Whether this room exists: in memory, in the durable history, or in the stream.
   *
   * @throws {HistoryUnavailableError} If stored messages cannot be read. The same goes for the next
   * five.
   */
  isKnown(name: string): boolean | Promise<boolean> {
    if (this.#options.backplane) {
      return this.within(name, async (room) => {
        await room.opened;
        // Another process may have stored a message that has not come here yet.
        if (!room.isUsed) await room.caughtUp();
        return room.isUsed;
      });
    }
    if (this.#rooms.has(name)) return true;
    const history = this.#durable?.history;
    return history !== undefined && readHistory(() => history.open(name)) !== undefined;
  }

  /**
   * At most `limit` rooms whose names are after a name, in the order of their UTF-8: those in all
   * processes. A room that is only stored is not created for this. If messages are in a stream, the
   * positions of some rooms are missing: {@linkcode locate} reads them.
   */
  list(after: string, limit: number): ListedRoom[] | Promise<ListedRoom[]> {
    const list = (others: readonly ListedRoom[]) =>
      listRooms(this.#rooms, others, { after, limit });
    const { backplane } = this.#options;
    if (backplane) {
      return backplane.rooms(after, limit).then((rooms) =>
        list(rooms.map(({ room, memberCount }) => ({ name: room, memberCount })))
      );
    }
    const history = this.#durable?.history;
    const heads = history ? readHistory(() => history.rooms(after, limit)) : [];
    return list(heads.map((head) => {
      return { name: head.room, memberCount: 0, position: formatPosition(head) };
    }));
  }

  /**
   * Adds the positions that are missing in a list of rooms. Leaves out rooms that turn out to have
   * been deleted. In a stream, this reads the newest messages of each room whose position is
   * missing, so call it for few rooms.
   */
  locate(rooms: readonly ListedRoom[]): Promise<LocatedRoom[]> {
    return locateRooms(rooms, this.#options.backplane);
  }

  /**
   * Calls `act` with a room, which is created if it does not exist. Afterwards, when the promise of
   * `act` has settled if it returns one, the room stays only if it has members or retains messages.
   */
  within<T>(name: string, act: (room: Room) => T): T {
    const room = this.#rooms.get(name) ?? this.#create(name);
    // The room must not be forgotten meanwhile.
    this.#empty.delete(room);
    room.callCount++;
    let result: T | undefined;
    try {
      result = act(room);
      return result;
    } finally {
      if (result instanceof Promise) result.catch(() => {}).finally(() => this.#release(room));
      else this.#release(room);
    }
  }

  /**
   * Calls `act` with a room to read from it. Unlike {@linkcode within}, this does not delay the
   * removal of an empty room.
   */
  read<T>(name: string, act: (room: Room) => T): T {
    const room = this.#rooms.get(name);
    return room && !this.#options.backplane ? act(room) : this.within(name, act);
  }

  /** Forgets a room that is no longer needed. Call it after a member has left. */
  settle(room: Room): void {
    if (room.size + room.callCount > 0 || this.#rooms.get(room.name) !== room) return;
    this.#empty.delete(room);
    if (this.#options.backplane) this.#linger(room);
    else if (room.history.isForgettable) this.#remove(room);
    else if (!this.#durable) this.#empty.add(room);
  }

  /**
   * Deletes the messages of a room that were published until now, and the room if nobody uses it.
   * Its members must have left.
   *
   * @returns False if there is no such room.
   * @throws {HistoryUnavailableError} If the messages cannot be deleted now.
   */
  async delete(name: string): Promise<boolean> {
    const isKnown = this.isKnown(name);
    if (isKnown instanceof Promise ? !await isKnown : !isKnown) return false;
    await this.within(name, async (room) => {
      try {
        await this.#deleteMessages(room);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new HistoryUnavailableError(`Cannot delete the room ${name}: ${reason}`, { cause });
      }
    });
    return true;
  }

  /** Forgets all rooms, whose members must have left: the stream has started over. */
  startOver(): void {
    for (const room of this.#rooms.values()) this.#remove(room);
  }

  /** Sends all `chorus.v1` members something that is not a message. */
  announce(event: ServerMessage): void {
    for (const room of this.#rooms.values()) room.announce(event);
  }

  /**
   * Resolves at a moment when, in all rooms at once, every reader that keeps up has been served
   * every message, and the messages are committed. If each room were flushed separately, some
   * members could get messages that others do not.
   */
  async flushed(): Promise<void> {
    do {
      await Promise.all(this.#rooms.values().map((room) => room.flushed()).toArray());
      await this.#durable?.committer.settled();
    } while (!this.#rooms.values().every(({ isFlushed }) => isFlushed));
  }

  /** Whether messages are not stored: the last commit has failed, or takes too long. */
  get isCommitFailing(): boolean {
    return this.#durable?.committer.isFailing ?? false;
  }

  /** Whether messages wait for a stream that takes none now. */
  get isHolding(): boolean {
    return this.#options.backplane?.outage !== undefined;
  }

  /** See `Backplane.endPublishing()`. Forgets the rooms that are still being opened. */
  async endPublishing(waitMs: number): Promise<number> {
    const refusedCount = await this.#options.backplane?.endPublishing(waitMs) ?? 0;
    const opening = [...this.#rooms.values()].filter(({ isOpen }) => !isOpen);
    return opening.reduce((count, room) => count + this.#remove(room), refusedCount);
  }

  /** Starts no more commits. */
  stop(): void {
    this.#durable?.committer.stop();
  }

  async #deleteMessages(room: Room): Promise<void> {
    const { history } = room;
    if (this.#options.backplane) return await room.deleteStream();
    history.clear();
    if (!this.#durable) return;
    const upTo = history.headSeq;
    // Otherwise a commit under way would bring the messages back.
    await this.#durable.committer.settled();
    if (history.committedSeq < upTo) throw new Error("its messages cannot be committed");
    await this.#durable.history.deleteRoom(room.name, upTo);
  }

  #release(room: Room): void {
    room.callCount--;
    this.settle(room);
  }

  /** Forgets a room that stays empty for a while. */
  #linger(room: Room): void {
    const { now, startTimer } = this.#options;
    this.#empty.add(room);
    const isWatched = this.#lingering.has(room);
    this.#lingering.set(room, now() + LINGER_MS);
    if (isWatched) return;
    const check = () => {
      const leftMs = this.#lingering.get(room)! - now();
      if (leftMs > 0 && this.#empty.has(room)) return startTimer(check, leftMs);
      this.#lingering.delete(room);
      if (this.#empty.has(room) && room.history.isForgettable) this.#remove(room);
    };
    startTimer(check, LINGER_MS);
  }

  #create(name: string): Room {
    const room = new Room(name, this.#roomOptions);
    if (this.size >= this.#options.maxRooms) this.#forgetOne();
    this.#rooms.set(name, room);
    return room;
  }

  #forgetOne(): boolean {
    const { backplane } = this.#options;
    const room = this.#empty.values().find(({ history }) => !backplane || history.isForgettable);
    if (!room) return false;
    this.#remove(room);
    return true;
  }

  #remove(room: Room): number {
    this.#empty.delete(room);
    this.#rooms.delete(room.name);
    return room.dispose();
  }
}
