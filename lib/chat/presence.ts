import type { Author } from "./message.ts";

/** The maximum number of members that one message lists. */
const MAX_LISTED = 100;

/** Members that have joined, or left: the first hundred, and how many. */
export interface PresenceChange {
  readonly members: readonly Author[];
  readonly count: number;
}

/** The members of a room, and which have joined and left since the last report. */
export class Presence {
  /** A member that resumes may have two connections for a while. */
  readonly #present = new Map<string, { readonly member: Author; connections: number }>();
  readonly #joined = new Map<string, Author>();
  readonly #left = new Map<string, Author>();

  /** The number of members. */
  get size(): number {
    return this.#present.size;
  }

  /** The first hundred members. */
  get members(): readonly Author[] {
    return this.#present.values().take(MAX_LISTED).map(({ member }) => member).toArray();
  }

  /** Adds a connection of a member. */
  add(id: string, member: Author): void {
    const present = this.#present.get(id);
    if (present) {
      present.connections++;
      return;
    }
    this.#present.set(id, { member, connections: 1 });
    if (!this.#left.delete(id)) this.#joined.set(id, member);
  }

  /** Removes a connection of a member. */
  remove(id: string): void {
    const present = this.#present.get(id);
    if (!present || --present.connections > 0) return;
    this.#present.delete(id);
    if (!this.#joined.delete(id)) this.#left.set(id, present.member);
  }

  /** Takes the changes since the last call. A member that joined and left again is in neither. */
  takeChanges(): { readonly joined: PresenceChange; readonly left: PresenceChange } {
    return { joined: take(this.#joined), left: take(this.#left) };
  }
}

function take(changed: Map<string, Author>): PresenceChange {
  const members = changed.values().take(MAX_LISTED).toArray();
  const count = changed.size;
  changed.clear();
  return { members, count };
}
