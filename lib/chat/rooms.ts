import type { Member } from "./member.ts";
import { Room, type RoomOptions } from "./room.ts";

/** The rooms of a chat, by name. A room is there from when it is entered first until its last member has left. */
export class Rooms<M extends Member> {
  readonly #options: RoomOptions<M>;
  readonly #rooms = new Map<string, Room<M>>();

  constructor(options: RoomOptions<M>) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#rooms.size;
  }

  /** The room of this name, made if it is not there. Somebody has to join it within the turn of the event loop. */
  at(name: string): Room<M> {
    const known = this.#rooms.get(name);
    if (known) return known;
    const room = new Room(name, this.#options);
    this.#rooms.set(name, room);
    return room;
  }

  /** Takes a member out of its room, and forgets the room if that was the last. Leaving twice is harmless. */
  leave(room: Room<M>, member: M): void {
    room.leave(member);
    // The same name may belong to another room by now.
    if (room.size === 0 && this.#rooms.get(room.name) === room) this.#rooms.delete(room.name);
  }

  /** Resolves when all who keep up have been served what has been said so far, in every room. */
  async flushed(): Promise<void> {
    await Promise.all(this.#rooms.values().map((room) => room.flushed()).toArray());
  }
}
