import { compareUtf8 } from "../../chat/compare_utf8.ts";
import type { SharedRoom } from "../../chat/backplane.ts";
import type { RoomsPart } from "./presence_message.ts";

/**
 * Collects the answers of other nodes: the first rooms with members whose names are after a name.
 *
 * Each node answers with at most `limit` of its rooms. So the first `limit` rooms of all nodes are
 * known when all have answered. The memory is bounded, even if a node sends more.
 */
export class PeerRooms {
  readonly #after: string;
  readonly #limit: number;
  /** The number of members of each room, at all nodes that have answered. */
  #counts = new Map<string, number>();
  /** The last room in the answer of each node. */
  readonly #lastRooms = new Map<string, string>();
  readonly #waitsFor = new Set<string>();
  readonly #answered = Promise.withResolvers<void>();

  constructor(after: string, limit: number) {
    this.#after = after;
    this.#limit = limit;
  }

  /** Resolves when all nodes have answered. */
  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  /** The nodes that have not answered. */
  get unanswered(): Iterable<string> {
    return this.#waitsFor;
  }

  /** The first rooms of the answers, in the order of their UTF-8. */
  get first(): SharedRoom[] {
    return [...this.#counts].map(([room, memberCount]) => ({ room, memberCount }))
      .sort((one, other) => compareUtf8(one.room, other.room)).slice(0, this.#limit);
  }

  /** Waits for nodes, or for other things with a name. */
  waitFor(names: Iterable<string>): void {
    for (const name of names) this.#waitsFor.add(name);
    this.#checkWaiting();
  }

  /** Stops waiting for a node, or for all nodes. */
  stopWaiting(name?: string): void {
    if (name === undefined) this.#waitsFor.clear();
    else this.#waitsFor.delete(name);
    this.#checkWaiting();
  }

  /** Adds a part of an answer. It ignores rooms that are not in order, so none counts twice. */
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
