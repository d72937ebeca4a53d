import type { Author } from "./message.ts";

/** The maximum number of members that one message lists. */
export const MAX_LISTED = 100;

/** The bounds of {@linkcode presenceDelayMs}. */
const MIN_DELAY_MS = 50;
const MAX_DELAY_MS = 1000;

/** How many members are told in a millisecond. */
const TOLD_PER_MS = 5;

/**
 * How long joins and leaves gather before they are reported, in milliseconds. The delay grows with
 * the number of members who are told: if thousands reconnect at once, the reports would otherwise
 * keep the server busy.
 */
export function presenceDelayMs(toldCount: number): number {
  return Math.min(Math.max(MIN_DELAY_MS, toldCount / TOLD_PER_MS), MAX_DELAY_MS);
}

/** A member as others see it. */
export type PresentMember = Author & { readonly id: string };

/** The members that have joined, or have a new name, and those that have left. */
export interface PresenceChanges {
  readonly joined: readonly PresentMember[];
  readonly left: readonly PresentMember[];
}

/**
 * The members of a room, and what has changed since the last report.
 *
 * A member that resumes has two connections until its old one ends, perhaps with two names. Its
 * name is that of its newest connection.
 */
export class Presence {
  /** The author of each member's newest connection, by the member's id. */
  readonly #present = new Map<string, PresentMember>();
  /** The authors of older connections, the newest last. Few members have any. */
  readonly #older = new Map<string, PresentMember[]>();
  /** The last report of each member that has changed since; undefined if it was absent. */
  readonly #reported = new Map<string, PresentMember | undefined>();
  /** The members that were listed before they were reported. */
  readonly #listed = new Map<string, PresentMember>();

  /** The number of members. */
  get size(): number {
    return this.#present.size;
  }

  /**
   * Lists the first hundred members. If one of them leaves before its join was reported, its leave
   * is reported nevertheless.
   */
  list(): readonly PresentMember[] {
    const members = this.#present.values().take(MAX_LISTED).toArray();
    for (const member of members) {
      if (this.#reported.has(member.id)) this.#listed.set(member.id, member);
    }
    return members;
  }

  /** Adds a connection of a member. */
  add(author: PresentMember): void {
    const { id } = author;
    const before = this.#present.get(id);
    this.#noteChange(id, before);
    if (before) {
      const older = this.#older.get(id);
      if (older) older.push(before);
      else this.#older.set(id, [before]);
    }
    this.#present.set(id, author);
  }

  /** Removes a connection of a member: the one with this author object. */
  remove(author: PresentMember): void {
    const { id } = author;
    const newest = this.#present.get(id);
    const older = this.#older.get(id);
    if (author === newest) {
      this.#noteChange(id, newest);
      const next = older?.pop();
      if (next) this.#present.set(id, next);
      else this.#present.delete(id);
    } else {
      const index = older?.indexOf(author) ?? -1;
      if (index >= 0) older!.splice(index, 1);
    }
    if (older?.length === 0) this.#older.delete(id);
  }

  /**
   * Takes the changes since the last call. A member with a new name counts as joined again. A
   * member that ends up unchanged is not reported, unless it was listed meanwhile.
   */
  takeChanges(): PresenceChanges {
    const joined: PresentMember[] = [];
    const left: PresentMember[] = [];
    for (const [id, before] of this.#reported) {
      const now = this.#present.get(id);
      if (now && !(before && before.name === now.name)) joined.push(now);
      const known = before ?? this.#listed.get(id);
      if (known && !now) left.push(known);
    }
    this.#reported.clear();
    this.#listed.clear();
    return { joined, left };
  }

  #noteChange(id: string, before: PresentMember | undefined): void {
    if (!this.#reported.has(id)) this.#reported.set(id, before);
  }
}
