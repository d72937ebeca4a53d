import type { Author } from "./message.ts";

/** The maximum number of members that one message lists. */
export const MAX_LISTED = 100;

/** The bounds of {@linkcode presenceDelayMs}. */
const MIN_DELAY_MS = 50;
const MAX_DELAY_MS = 1000;

/** How many members a report may reach for each millisecond of delay. */
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

/** A member that has changed since the last report. */
interface Change {
  /** As it was reported; undefined if it was absent. */
  readonly before: PresentMember | undefined;
  /** As it was when it was present last. */
  latest: PresentMember | undefined;
  /** Whether a list was made while it was different from what was reported. */
  wasListed: boolean;
  /** How often the members had been listed when it changed. */
  listCount: number;
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
  /** The members that have changed since the last report, by id. */
  readonly #changes = new Map<string, Change>();
  /** How often the members have been listed. */
  #listCount = 0;

  /** The number of members. */
  get size(): number {
    return this.#present.size;
  }

  /** Lists the first hundred members for somebody who gets all later reports. */
  list(): readonly PresentMember[] {
    this.#listCount++;
    return this.#present.values().take(MAX_LISTED).toArray();
  }

  /** Adds a connection of a member. */
  add(author: PresentMember): void {
    const { id } = author;
    const before = this.#present.get(id);
    this.#noteChange(id);
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
      this.#noteChange(id);
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
   * member that ends up unchanged is reported only if a list was made while it was different.
   */
  takeChanges(): PresenceChanges {
    const joined: PresentMember[] = [];
    const left: PresentMember[] = [];
    for (const [id, { before, wasListed, latest }] of this.#changes) {
      const now = this.#present.get(id);
      if (isSame(before, now) && !wasListed) continue;
      if (now) joined.push(now);
      else left.push((before ?? latest)!);
    }
    this.#changes.clear();
    return { joined, left };
  }

  /** Call it before a member changes. */
  #noteChange(id: string): void {
    const now = this.#present.get(id);
    const listCount = this.#listCount;
    const change = this.#changes.get(id);
    if (!change) {
      this.#changes.set(id, { before: now, latest: now, wasListed: false, listCount });
      return;
    }
    if (change.listCount < listCount && !isSame(change.before, now)) change.wasListed = true;
    change.listCount = listCount;
    change.latest = now ?? change.latest;
  }
}

function isSame(one: PresentMember | undefined, other: PresentMember | undefined): boolean {
  return one && other ? one.name === other.name : one === other;
}
