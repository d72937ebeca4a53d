import type { Author } from "./message.ts";

/** The maximum number of members that one message lists. */
const MAX_LISTED = 100;

/** A member as others see it. */
type PresentMember = Author & { readonly id: string };

/** Members that have joined, or left: the first hundred, and how many. */
export interface PresenceChange {
  readonly members: readonly PresentMember[];
  readonly count: number;
}

/**
 * The members of a room, and what has changed since the last report.
 *
 * A member that resumes has two connections until its old one ends, perhaps with two names. Its
 * name is that of its newest connection.
 */
export class Presence {
  /** The author of each connection, the newest last, by the member's id. */
  readonly #present = new Map<string, PresentMember[]>();
  /** What was last reported of each member that has changed since; undefined if it was absent. */
  readonly #reported = new Map<string, PresentMember | undefined>();

  /** The number of members. */
  get size(): number {
    return this.#present.size;
  }

  /** The first hundred members. */
  get members(): readonly PresentMember[] {
    return this.#present.values().take(MAX_LISTED).map((authors) => authors.at(-1)!).toArray();
  }

  /** Adds a connection of a member. */
  add(author: PresentMember): void {
    const { id } = author;
    const authors = this.#present.get(id);
    this.#noteChange(id);
    if (authors) authors.push(author);
    else this.#present.set(id, [author]);
  }

  /** Removes a connection of a member: the one with this author object. */
  remove(author: PresentMember): void {
    const { id } = author;
    const authors = this.#present.get(id);
    const index = authors?.indexOf(author) ?? -1;
    if (!authors || index < 0) return;
    this.#noteChange(id);
    authors.splice(index, 1);
    if (authors.length === 0) this.#present.delete(id);
  }

  /**
   * Takes the changes since the last call. A member with a new name counts as joined again. A
   * member that ends up unchanged is not reported.
   */
  takeChanges(): { readonly joined: PresenceChange; readonly left: PresenceChange } {
    const joined: PresentMember[] = [];
    const left: PresentMember[] = [];
    for (const [id, before] of this.#reported) {
      const now = this.#present.get(id)?.at(-1);
      if (now && !(before && before.name === now.name)) joined.push(now);
      if (before && !now) left.push(before);
    }
    this.#reported.clear();
    return { joined: changeOf(joined), left: changeOf(left) };
  }

  #noteChange(id: string): void {
    if (!this.#reported.has(id)) this.#reported.set(id, this.#present.get(id)?.at(-1));
  }
}

function changeOf(members: readonly PresentMember[]): PresenceChange {
  return { members: members.slice(0, MAX_LISTED), count: members.length };
}
