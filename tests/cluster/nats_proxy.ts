import { freePort } from "../free_port.ts";

/** A TCP proxy before a NATS server, which can break the connections of one client. */
export class NatsProxy implements AsyncDisposable {
  readonly port: number;
  readonly #targetPort: number;
  readonly #connections = new Set<Deno.TcpConn>();
  #listener: Deno.TcpListener | undefined;
  #accepting: Promise<void> | undefined;
  /** While it is frozen: resolves when bytes pass again. */
  #frozen: PromiseWithResolvers<void> | undefined;

  private constructor(port: number, targetPort: number) {
    this.port = port;
    this.#targetPort = targetPort;
  }

  /** Starts a proxy before a port of 127.0.0.1. */
  static start(targetPort: number): NatsProxy {
    const proxy = new NatsProxy(freePort(), targetPort);
    proxy.#listen();
    return proxy;
  }

  /** The address for clients, `nats://HOST:PORT`. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Passes on no byte more. Connections stay, and are accepted. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers();
  }

  /** Closes all connections, and drops what it has not passed on. Refuses connections. */
  async cut(): Promise<void> {
    this.#listener?.close();
    this.#listener = undefined;
    await this.#accepting;
    this.#closeAll();
    this.#thaw();
  }

  /** Passes everything on again, also what it held back. */
  heal(): void {
    this.#thaw();
    if (!this.#listener) this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  #listen(): void {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#accepting = this.#accept(this.#listener);
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    for await (const client of listener) this.#connect(client);
  }

  async #connect(client: Deno.TcpConn): Promise<void> {
    this.#connections.add(client);
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#targetPort });
      this.#connections.add(server);
      if (!this.#connections.has(client)) this.#close(server);
      await Promise.race([this.#pass(client, server), this.#pass(server, client)]);
      this.#close(server);
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    this.#close(client);
  }

  /** Passes bytes on until a connection has ended. */
  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count = await from.read(buffer); count; count = await from.read(buffer)) {
        await this.#frozen?.promise;
        for (let start = 0; start < count;) start += await to.write(buffer.subarray(start, count));
      }
    } catch {
      // One of them is closed.
    }
  }

  #thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }

  #closeAll(): void {
    for (const connection of this.#connections) this.#close(connection);
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#connections.delete(connection)) connection.close();
  }
}
