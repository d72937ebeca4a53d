/**
 * Who is in the chat, by UUID. A connection is in it from the moment it can be sent to until the moment it closes, fails or
 * is given up, so that whatever is in it counts as a receiver.
 */
export class Registry<M extends { readonly id: string }> implements Iterable<M> {
  readonly #members = new Map<string, M>();

  /** How many there are. */
  get size(): number {
    return this.#members.size;
  }

  /** Adds one under its UUID. Throws a RangeError if that is taken. */
  add(member: M): void {
    if (this.#members.has(member.id)) {
      throw new RangeError(`Cannot add a connection as its UUID is taken: ${member.id}`);
    }
    this.#members.set(member.id, member);
  }

  /** Whether the one with this UUID is in the chat. */
  has(id: string): boolean {
    return this.#members.has(id);
  }

  /** Takes one away; false if it was not there, so that removing twice is harmless. */
  remove(id: string): boolean {
    return this.#members.delete(id);
  }

  /** All in the order of their arrival. Adding and removing while iterating is allowed. */
  [Symbol.iterator](): Iterator<M> {
    return this.#members.values();
  }
}
