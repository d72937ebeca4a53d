/** What the chat needs of a connection, whatever engine serves it. */
export interface Connection {
  /** A UUID, made when the connection was accepted. */
  readonly id: string;
  /** False from the moment either side has begun to close. */
  readonly isOpen: boolean;
  /** Sends one message: text as a string, binary as bytes. Throws if the transport refuses it. */
  send(message: string | ArrayBuffer): void;
}

/**
 * Who is in the chat. A connection is in it from the moment it can be sent to until the moment it closes, fails or is
 * given up, so that whatever is in it counts as a receiver.
 */
export class Registry<C extends Connection = Connection> implements Iterable<C> {
  readonly #connections = new Map<string, C>();

  /** How many connections there are. */
  get size(): number {
    return this.#connections.size;
  }

  /** Adds a connection under its UUID. Throws a RangeError if that is taken. */
  add(connection: C): void {
    if (this.#connections.has(connection.id)) {
      throw new RangeError(`Cannot add a connection as its UUID is taken: ${connection.id}`);
    }
    this.#connections.set(connection.id, connection);
  }

  /** Whether the connection with this UUID is in the chat. */
  has(id: string): boolean {
    return this.#connections.has(id);
  }

  /** Takes a connection away; false if it was not there, so that removing twice is harmless. */
  remove(id: string): boolean {
    return this.#connections.delete(id);
  }

  /** The connections in the order of their arrival. Adding and removing while iterating is allowed. */
  [Symbol.iterator](): Iterator<C> {
    return this.#connections.values();
  }
}
