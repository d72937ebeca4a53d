import { LogBudget } from "./log_budget.ts";
import { Room, type RoomOptions } from "./room.ts";

/** What bounds the rooms of a chat beside the bounds of each. */
export interface RoomsOptions extends Omit<RoomOptions, "budget"> {
  readonly maxRooms: number;
  /** How much all rooms together may keep. */
  readonly maxLogBytes: number;
}

/**
 * The rooms of a chat, by name.
 *
 * A room in which nothing is kept is forgotten with its last member. One in which something is kept stays until its memory, or
 * its place, is needed: then the one goes that has been empty for longest.
 */
export class Rooms {
  readonly #options: RoomsOptions;
  readonly #budget: LogBudget;
  readonly #rooms = new Map<string, Room>();
  /** Those without members, the one that has been empty for longest first. */
  readonly #empty = new Set<Room>();

  constructor(options: RoomsOptions) {
    this.#options = options;
    this.#budget = new LogBudget(options.maxLogBytes, () => {
      while (this.#budget.isOver && this.#forgetOne());
    });
  }

  /** How many there are. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Whether the room of this name is there, or there is a place for it. */
  hasPlaceFor(name: string): boolean {
    return this.#rooms.has(name) || this.size < this.#options.maxRooms || this.#empty.size > 0;
  }

  /** All of them, in the order of their making. */
  [Symbol.iterator](): Iterator<Room> {
    return this.#rooms.values();
  }

  /** The room of this name if it is there. */
  find(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /**
   * Does something in the room of this name, which is made for it if it is not there: afterwards it stays if somebody is in
   * it, or something is kept in it.
   */
  within<T>(name: string, act: (room: Room) => T): T {
    let room = this.#rooms.get(name);
    if (!room) {
      if (this.size >= this.#options.maxRooms) this.#forgetOne();
      room = new Room(name, { ...this.#options, budget: this.#budget });
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
    if (room.headNumber > room.numberBefore) this.#empty.add(room);
    else this.#forget(room);
  }

  /** Resolves when all who keep up have been served what has been said so far, in every room. */
  async flushed(): Promise<void> {
    await Promise.all(this.#rooms.values().map((room) => room.flushed()).toArray());
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
