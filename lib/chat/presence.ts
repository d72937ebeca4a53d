import type { Author } from "./message.ts";

/** The most members that one frame lists; beyond it only their number is told. */
const MAX_LISTED = 100;

/** Who has come, or gone, as `chorus.v1` tells it: the first hundred, and how many there are. */
export interface PresenceChange {
  readonly members: readonly Author[];
  readonly total: number;
}

/** Who is in a room, and who has come and gone since that was told last. */
export class Presence {
  /** Somebody who resumes may be there twice for a while. */
  readonly #present = new Map<string, { readonly author: Author; connections: number }>();
  readonly #joined = new Map<string, Author>();
  readonly #left = new Map<string, Author>();

  /** How many there are. */
  get size(): number {
    return this.#present.size;
  }

  /** The first hundred. */
  get members(): readonly Author[] {
    return this.#present.values().take(MAX_LISTED).map(({ author }) => author).toArray();
  }

  /** A connection of somebody's has come. */
  add(id: string, author: Author): void {
    const known = this.#present.get(id);
    if (known) {
      known.connections++;
      return;
    }
    this.#present.set(id, { author, connections: 1 });
    if (!this.#left.delete(id)) this.#joined.set(id, author);
  }

  /** A connection of somebody's has gone. */
  remove(id: string): void {
    const known = this.#present.get(id);
    if (!known || --known.connections > 0) return;
    this.#present.delete(id);
    if (!this.#joined.delete(id)) this.#left.set(id, known.author);
  }

  /** Who has come and gone since this was asked last; who has come and gone again is in neither. */
  takeChanges(): { readonly joined: PresenceChange; readonly left: PresenceChange } {
    const [joined, left] = [take(this.#joined), take(this.#left)];
    return { joined, left };
  }
}

function take(changed: Map<string, Author>): PresenceChange {
  const members = changed.values().take(MAX_LISTED).toArray();
  const total = changed.size;
  changed.clear();
  return { members, total };
}
