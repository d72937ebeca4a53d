import type { HttpConnection } from "./http_connection.ts";

/** So many connections are refused at a time. 10,000 at once would take most of a second. */
const MAX_REFUSED_AT_ONCE = 100;

/** What {@linkcode WaitingConnections} needs. */
export interface WaitingConnectionsOptions {
  /** The maximum number of connections at the moment. */
  readonly maxWaiting: () => number;
  /** Called when a connection is reset, because there are too many. */
  readonly onDropped: () => void;
}

/** The connections of a gateway whose first head is not whole, the oldest first. */
export class WaitingConnections {
  readonly #options: WaitingConnectionsOptions;
  readonly #connections = new Set<HttpConnection>();
  #nextCheck: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WaitingConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#connections.size;
  }

  /**
   * Adds a connection. If there are too many, resets the oldest: a client that means to use its
   * connection sends a head at once.
   */
  add(connection: HttpConnection): void {
    if (this.size >= this.#options.maxWaiting()) this.#dropOldest();
    this.#connections.add(connection);
  }

  /** Returns whether the connection was waiting. */
  delete(connection: HttpConnection): boolean {
    return this.#connections.delete(connection);
  }

  /** Enforces the deadlines, with pauses for others. */
  check(nowMs: number): void {
    let refusedCount = 0;
    for (const connection of this.#connections) {
      if (connection.check(nowMs)) refusedCount++;
      if (refusedCount < MAX_REFUSED_AT_ONCE) continue;
      clearTimeout(this.#nextCheck);
      this.#nextCheck = setTimeout(() => this.check(nowMs), 0);
      return;
    }
  }

  /** Closes all connections. */
  close(): void {
    clearTimeout(this.#nextCheck);
    for (const { transport } of this.#connections) transport.destroy();
  }

  #dropOldest(): void {
    const [oldest] = this.#connections;
    if (!oldest) return;
    this.#connections.delete(oldest);
    this.#options.onDropped();
    oldest.transport.reset();
  }
}
