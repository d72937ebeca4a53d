/** A connection through the proxy: both ends, and how many bytes may still pass. */
interface Pair {
  readonly ends: readonly Deno.Conn[];
  leftBytes: number;
}

/** A TCP proxy that breaks its connections, or lets nothing pass. */
export class BreakingProxy implements AsyncDisposable {
  /** The port on loopback that new connections go to. */
  targetPort: number;
  /** Returns after how many bytes, of both directions, a new connection breaks. */
  nextBreak: () => number = () => Infinity;
  /** How many connections have broken after that many bytes. */
  breakCount = 0;
  /** How many connections were accepted. */
  connectionCount = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #pairs = new Set<Pair>();
  readonly #running: Promise<void>[] = [];
  #thawed = Promise.withResolvers<void>();

  constructor(targetPort: number) {
    this.targetPort = targetPort;
    this.#thawed.resolve();
    this.#running.push(this.#accept());
  }

  /** The URL of the server behind the proxy. */
  get url(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}/`;
  }

  /** Closes all connections. */
  break(): void {
    for (const pair of this.#pairs) this.#close(pair);
  }

  /** Lets nothing pass until {@linkcode thaw}. Connections are still accepted. */
  freeze(): void {
    this.#thawed = Promise.withResolvers();
  }

  /** Lets everything pass again. */
  thaw(): void {
    this.#thawed.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.thaw();
    this.break();
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) {
        this.connectionCount++;
        this.#running.push(this.#connect(client));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #connect(client: Deno.Conn): Promise<void> {
    let server: Deno.Conn;
    try {
      server = await Deno.connect({ hostname: "127.0.0.1", port: this.targetPort });
    } catch {
      return client.close(); // There is no server at the moment.
    }
    const pair = { ends: [client, server], leftBytes: this.nextBreak() };
    this.#pairs.add(pair);
    await Promise.all([this.#forward(client, server, pair), this.#forward(server, client, pair)]);
  }

  async #forward(from: Deno.Conn, to: Deno.Conn, pair: Pair): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        await this.#thawed.promise;
        const part = buffer.subarray(0, Math.min(count, pair.leftBytes));
        pair.leftBytes -= part.length;
        for (let written = 0; written < part.length;) {
          written += await to.write(part.subarray(written));
        }
        if (pair.leftBytes > 0) continue;
        if (this.#pairs.has(pair)) this.breakCount++;
        break;
      }
    } catch {
      // One of the ends is gone.
    }
    this.#close(pair);
  }

  #close(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    for (const end of pair.ends) end.close();
  }
}
