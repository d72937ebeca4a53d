import type { NatsConnection } from "@nats-io/transport-node";
import { connectToNats, type NatsConnectOptions } from "./connect_to_nats.ts";
import { InterruptibleCalls } from "./interruptible_calls.ts";

/**
 * For requests of the recovery. NATS does not answer at all while it has no leader, so a new
 * request may be answered before an old one.
 */
export const RECOVERY_OPTIONS = { timeout: 1000 } as const;

/** The connection is lost; calls that wait for an answer reject with this. */
class DisconnectedError extends Error {
  override readonly name = "DisconnectedError";

  constructor() {
    super("the connection to NATS is lost");
  }
}

/**
 * A connection to NATS. It is made again whenever it is lost.
 *
 * nats.js sends nothing of what was published while it was disconnected, and lets requests wait for
 * their timeout. {@linkcode call} rejects at once instead.
 */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly #calls = new InterruptibleCalls();
  #reconnected: PromiseWithResolvers<void> | undefined;

  private constructor(connection: NatsConnection) {
    this.connection = connection;
  }

  /**
   * Connects to one of the servers.
   *
   * @throws As {@linkcode connectToNats} does.
   */
  static async connect(options: NatsConnectOptions): Promise<NatsLink> {
    return new NatsLink(await connectToNats(options));
  }

  get isConnected(): boolean {
    return this.#reconnected === undefined && !this.connection.isClosed();
  }

  /** The largest payload that the server takes, with headers. */
  get maxPayloadBytes(): number {
    return this.connection.info?.max_payload ?? 1024 ** 2;
  }

  /** Resolves while connected. */
  connected(): Promise<void> {
    return this.#reconnected?.promise ?? Promise.resolve();
  }

  /**
   * Makes a request.
   *
   * @throws {DisconnectedError} As soon as the connection is lost, or if it is lost already.
   */
  call<T>(request: () => Promise<T>): Promise<T> {
    if (!this.isConnected) return Promise.reject(new DisconnectedError());
    return this.#calls.run(request());
  }

  /** Sends what has not been sent. Resolves when NATS has taken it, or after this time. */
  async drain(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.connection.drain().then(resolve, () => resolve());
    await promise;
    clearTimeout(timer);
  }

  /** Calls `onChange` when the connection is lost, and when it is made again, until the end. */
  async watch(onChange: (isConnected: boolean, detail: string) => void): Promise<void> {
    let detail = "";
    for await (const status of this.connection.status()) {
      if (status.type === "error") detail = status.error.message;
      if (status.type === "disconnect" && !this.#reconnected) {
        this.#reconnected = Promise.withResolvers();
        this.#calls.interrupt(new DisconnectedError());
        onChange(false, detail);
        detail = "";
      } else if (status.type === "reconnect" && this.#reconnected) {
        this.#reconnected.resolve();
        this.#reconnected = undefined;
        onChange(true, status.server);
      }
    }
    this.#calls.interrupt(new DisconnectedError());
    this.#reconnected?.resolve();
  }
}
