import { Buffer } from "node:buffer";
import type { History } from "./history/history.ts";
import { Committer } from "./history/committer.ts";
import { LogBudget } from "./log/log_budget.ts";
import { Room, type RoomOptions } from "./room.ts";
import type { RoomHistory } from "./history/room_history.ts";

/** What bounds the rooms of a chat beside the bounds of each. */
export interface RoomsOptions extends Omit<RoomOptions, "budget" | "durable" | "onForgettable"> {
  /** Where messages are kept that must outlive memory; undefined if none must. */
  readonly history: History | undefined;
  readonly maxRooms: number;
  /** How much all rooms together may keep. */
  readonly maxLogBytes: number;
}

/**
 * The rooms of a chat, by name.
 *
 * A room in which nothing is kept is forgotten with its last member. One in which something is kept stays until its memory, or
 * its place, is needed: then the one goes that has been empty for longest. Where all is kept in a durable history, a room needs
 * no memory when nobody is in it.
 */
export class Rooms {
  readonly #options: RoomsOptions;
  readonly #durable: RoomOptions["durable"];
  readonly #budget: LogBudget;
  readonly #rooms = new Map<string, Room>();
  /** Those without members, the one that has been empty for longest first. */
  readonly #empty = new Set<Room>();

  constructor(options: RoomsOptions) {
    this.#options = options;
    const { history, defer, startTimer, onHistoryFault } = options;
    if (history) {
      const committer = new Committer<RoomHistory>(history, {
        defer,
        startTimer,
        onFault: onHistoryFault,
      });
      this.#durable = { history, committer };
    }
    this.#budget = new LogBudget(options.maxLogBytes, () => {
      while (this.#budget.isOver && this.#forgetOne());
    });
  }

  /** How many there are. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Whether the room of this name is there, or there is a place for it. */
  hasCapacityFor(name: string): boolean {
    return this.#rooms.has(name) || this.size < this.#options.maxRooms || this.#empty.size > 0;
  }

  /** Whether the room of this name is there, or something is kept of it. */
  isKnown(name: string): boolean {
    return this.#rooms.has(name) || this.#durable?.history.open(name) !== undefined;
  }

  /** Names of rooms behind this one, in the order of their UTF-8: those that are there, and those of which something is kept. */
  names(after: string, limit: number): string[] {
    const kept = this.#durable?.history.roomNames(after, limit) ?? [];
    const present = this.#rooms.keys().filter((name) => compareBytes(name, after) > 0);
    return [...new Set([...present, ...kept])].sort(compareBytes).slice(0, limit);
  }

  /**
   * Does something in the room of this name, which is made for it if it is not there: afterwards it stays if somebody is in
   * it, or something is kept in it.
   */
  within<T>(name: string, act: (room: Room) => T): T {
    let room = this.#rooms.get(name);
    if (!room) {
      if (this.size >= this.#options.maxRooms) this.#forgetOne();
      room = new Room(name, {
        ...this.#options,
        durable: this.#durable,
        budget: this.#budget,
        onForgettable: (kept) => this.settle(kept),
      });
      this.#rooms.set(name, room);
    }
    // It must not be forgotten while something is done in it.
    this.#empty.delete(room);
    try {
      return act(room);
    } finally {
      this.settle(room);
    }
  }

  /** Looks whether a room is still needed, after somebody has left it. */
  settle(room: Room): void {
    if (room.size > 0 || this.#rooms.get(room.name) !== room) return;
    this.#empty.delete(room);
    if (room.history.isForgettable) this.#forget(room);
    else if (!room.history.isDurable) this.#empty.add(room);
  }

  /**
   * Resolves when all who keep up have been served what has been said, in every room, and it is kept: at one and the same
   * moment, as otherwise some would have heard what others have not.
   */
  async flushed(): Promise<void> {
    do {
      await Promise.all(this.#rooms.values().map((room) => room.flushed()).toArray());
      await this.#durable?.committer.settled();
    } while (!this.#rooms.values().every(({ isFlushed }) => isFlushed));
  }

  /** Ends keeping what is said. */
  stop(): void {
    this.#durable?.committer.stop();
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

/** Compares texts by their UTF-8, as a durable history does; JavaScript would by their UTF-16. */
function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
