import { compareUtf8 } from "../../chat/compare_utf8.ts";
import type { SharedRoom } from "../../chat/backplane.ts";
import type { RoomsPart } from "./presence_message.ts";

/**
 * The first rooms with members at other nodes whose names are after a name, while the nodes answer.
 *
 * Each node tells at most `limit` of its rooms. So the first `limit` rooms of all nodes are known
 * when all have answered. The memory is bounded, whatever the nodes tell.
 */
export class PeerRooms {
  readonly #after: string;
  readonly #limit: number;
  /** How many members each room has, at all nodes that have answered. */
  #counts = new Map<string, number>();
  /** The last room that each node has told. */
  readonly #lastRooms = new Map<string, string>();
  readonly #waitsFor = new Set<string>();
  readonly #answered = Promise.withResolvers<void>();

  constructor(after: string, limit: number) {
    this.#after = after;
    this.#limit = limit;
  }

  /** Resolves when nothing is waited for any more. */
  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  /** What is waited for. */
  get unanswered(): Iterable<string> {
    return this.#waitsFor;
  }

  /** The rooms that were told, in the order of their UTF-8. */
  get first(): SharedRoom[] {
    return [...this.#counts].map(([room, memberCount]) => ({ room, memberCount }))
      .sort((one, other) => compareUtf8(one.room, other.room)).slice(0, this.#limit);
  }

  /** Waits for nodes, or for anything else with a name. */
  waitFor(names: Iterable<string>): void {
    for (const name of names) this.#waitsFor.add(name);
    this.#checkWaiting();
  }

  /** Waits no more: for one, or for all. */
  stopWaiting(name?: string): void {
    if (name === undefined) this.#waitsFor.clear();
    else this.#waitsFor.delete(name);
    this.#checkWaiting();
  }

  /** Adds what a node tells. Rooms that are not in order are ignored: so none counts twice. */
  receive({ node, rooms, isLast }: RoomsPart): void {
    let last = this.#lastRooms.get(node) ?? this.#after;
    for (const { room, memberCount } of rooms) {
      if (compareUtf8(room, last) <= 0) continue;
      last = room;
      this.#counts.set(room, (this.#counts.get(room) ?? 0) + memberCount);
    }
    this.#lastRooms.set(node, last);
    if (this.#counts.size > 2 * this.#limit) {
      this.#counts = new Map(this.first.map(({ room, memberCount }) => [room, memberCount]));
    }
    if (isLast) this.stopWaiting(node);
  }

  #checkWaiting(): void {
    if (this.#waitsFor.size === 0) this.#answered.resolve();
  }
}
