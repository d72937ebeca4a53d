import { Committer } from "./history/committer.ts";
import { type History, HistoryUnavailableError, readHistory } from "./history/history.ts";
import { formatPosition } from "./history/position.ts";
import { LogBudget } from "./log/log_budget.ts";
import { Room, type RoomOptions } from "./room.ts";

/** What the rooms of a chat are made of. */
export interface RoomsOptions extends Omit<RoomOptions, "budget" | "durable" | "onForgettable"> {
  /** A durable history; undefined if messages are in memory only. */
  readonly history: History | undefined;
  readonly maxRooms: number;
  readonly maxRoomMembers: number;
  /** The bytes that the logs of all rooms may use together. See {@linkcode LogBudget}. */
  readonly maxLogBytes: number;
}

/** A room as the API lists it. */
export interface ListedRoom {
  readonly name: string;
  readonly memberCount: number;
  /** The position after the newest message. */
  readonly position: string;
}

/**
 * The rooms of a chat, by name.
 *
 * An empty room is forgotten when it retains no messages, or when a durable history has all of
 * them. Other empty rooms stay until their memory or capacity is needed: then the one that has
 * been empty for the longest time is forgotten.
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
  /** The rooms whose deletion is under way. They stay in memory, and hide their messages. */
  readonly #deleting = new Set<Room>();

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
   * Whether this room exists, in memory or in the durable history.
   *
   * @throws {HistoryUnavailableError} If the durable history cannot be read. The same goes for the
   * next three.
   */
  isKnown(name: string): boolean {
    if (this.#rooms.has(name)) return true;
    const history = this.#durable?.history;
    return history !== undefined && readHistory(() => history.open(name)) !== undefined;
  }

  /**
   * At most `limit` rooms whose names are after a name, in the order of their UTF-8. A room that is
   * only stored is not created for this.
   */
  list(after: string, limit: number): ListedRoom[] {
    const history = this.#durable?.history;
    const stored = history ? readHistory(() => history.rooms(after, limit)) : [];
    const heads = new Map(stored.map((head) => [head.room, head]));
    const present = this.#rooms.keys().filter((name) => compareUtf8(name, after) > 0);
    const names = [...new Set([...present, ...heads.keys()])].sort(compareUtf8).slice(0, limit);
    return names.map((name) => {
      const room = this.#rooms.get(name);
      const position = room
        ? room.history.positionOf(room.history.headSeq)
        : formatPosition(heads.get(name)!);
      return { name, memberCount: room?.presence.size ?? 0, position };
    });
  }

  /**
   * Calls `act` with a room, which is created if it does not exist. Afterwards the room stays only
   * if it has members or retains messages.
   */
  within<T>(name: string, act: (room: Room) => T): T {
    const room = this.#rooms.get(name) ?? this.#create(name);
    // The room must not be forgotten meanwhile.
    this.#empty.delete(room);
    try {
      return act(room);
    } finally {
      this.settle(room);
    }
  }

  /**
   * Calls `act` with a room to read from it. Unlike {@linkcode within}, this does not delay the
   * removal of an empty room.
   */
  read<T>(name: string, act: (room: Room) => T): T {
    const room = this.#rooms.get(name);
    return room ? act(room) : this.within(name, act);
  }

  /** Forgets a room that is no longer needed. Call it after a member has left. */
  settle(room: Room): void {
    if (room.size > 0 || this.#rooms.get(room.name) !== room || this.#deleting.has(room)) return;
    this.#empty.delete(room);
    if (room.history.isForgettable) this.#forget(room);
    else if (!room.history.isDurable) this.#empty.add(room);
  }

  /**
   * Deletes the messages of a room that were published until now, and the room if nobody uses it.
   * Its members must have left.
   *
   * @returns False if there is no such room.
   * @throws {HistoryUnavailableError} If the messages cannot be deleted now.
   */
  async delete(name: string): Promise<boolean> {
    if (!this.isKnown(name)) return false;
    const room = this.within(name, (room) => {
      if (this.#durable) this.#deleting.add(room);
      room.history.clear();
      return room;
    });
    if (!this.#durable) return true;
    const { history, committer } = this.#durable;
    const upTo = room.history.headSeq;
    try {
      // Otherwise a commit under way would bring the messages back.
      await committer.settled();
      if (room.history.committedSeq < upTo) throw new Error("its messages cannot be committed");
      await history.deleteRoom(name, upTo);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new HistoryUnavailableError(`Cannot delete the room ${name}: ${reason}`, { cause });
    } finally {
      this.#deleting.delete(room);
      this.settle(room);
    }
    return true;
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

  /** Starts no more commits. */
  stop(): void {
    this.#durable?.committer.stop();
  }

  #create(name: string): Room {
    const room = new Room(name, this.#roomOptions);
    if (this.size >= this.#options.maxRooms) this.#forgetOne();
    this.#rooms.set(name, room);
    return room;
  }

  #forgetOne(): boolean {
    const [room] = this.#empty;
    if (!room) return false;
    this.#empty.delete(room);
    this.#forget(room);
    return true;
  }

  #forget(room: Room): void {
    this.#rooms.delete(room.name);
    room.dispose();
  }
}

/**
 * Compares texts by their UTF-8, as a durable history does. UTF-16, which JavaScript compares, has
 * the same order, except for surrogates: they stand for the code points after all others.
 */
export function compareUtf8(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    const unit = one.charCodeAt(index);
    const otherUnit = other.charCodeAt(index);
    if (unit === otherUnit) continue;
    if (isSurrogate(unit) !== isSurrogate(otherUnit)) return isSurrogate(unit) ? 1 : -1;
    return unit - otherUnit;
  }
  return one.length - other.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
