import type { Author } from "./message.ts";

/** The maximum number of members that one message lists. */
export const MAX_LISTED = 100;

/**
 * How long joins and leaves gather before they are reported, in milliseconds. All members are told,
 * so it takes longer in a large room: otherwise thousands that reconnect would keep the server busy.
 */
export function presenceDelayMs(memberCount: number): number {
  return Math.min(Math.max(50, memberCount / 5), 1000);
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

  /** The number of members. */
  get size(): number {
    return this.#present.size;
  }

  /** The first hundred members. */
  get members(): readonly PresentMember[] {
    return this.#present.values().take(MAX_LISTED).toArray();
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
   * member that ends up unchanged is not reported.
   */
  takeChanges(): PresenceChanges {
    const joined: PresentMember[] = [];
    const left: PresentMember[] = [];
    for (const [id, before] of this.#reported) {
      const now = this.#present.get(id);
      if (now && !(before && before.name === now.name)) joined.push(now);
      if (before && !now) left.push(before);
    }
    this.#reported.clear();
    return { joined, left };
  }

  #noteChange(id: string, before: PresentMember | undefined): void {
    if (!this.#reported.has(id)) this.#reported.set(id, before);
  }
}
