import type { Logger } from "@logtape/logtape";
import { formatAddress } from "./address.ts";
import { listenOn } from "./start_failure.ts";

/** The time between two attempts to listen again. */
const RETRY_MS = 500;

/** What an {@linkcode HttpServer} needs. */
export interface HttpServerOptions {
  readonly address: Deno.ServeTcpOptions & Partial<Deno.TlsCertifiedKeyPem>;
  readonly handler: Deno.ServeHandler<Deno.NetAddr>;
  /** What to call its host and port in error messages. */
  readonly flags?: Parameters<typeof listenOn>[2];
  readonly logger: Logger;
}

/**
 * A `Deno.serve` that keeps accepting connections.
 *
 * In Deno 2.9, `Deno.serve` stops accepting for good once the process has run out of file
 * descriptors. The connections that it has go on. So this listens again, on the same port, until
 * that works.
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  #server!: Deno.HttpServer<Deno.NetAddr>;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  private constructor(options: HttpServerOptions) {
    this.#options = options;
  }

  /** @throws {ListenError} If it cannot listen. */
  static async open(options: HttpServerOptions): Promise<HttpServer> {
    const server = new HttpServer(options);
    const { address, flags } = options;
    const { hostname = "0.0.0.0", port = 0 } = address;
    await listenOn({ hostname, port }, () => server.#listen(address), flags);
    return server;
  }

  get addr(): Deno.NetAddr {
    return this.#server.addr;
  }

  /** Stops accepting, and resolves when every response has been sent. */
  async shutdown(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    // Rejects if it has stopped accepting by itself.
    await this.#server.shutdown().catch(() => {});
  }

  #listen(address: HttpServerOptions["address"]): void {
    const { handler } = this.#options;
    this.#server = Deno.serve({ ...address, onListen: () => {}, handler });
    this.#server.finished.catch(() => this.#listenLater());
  }

  #listenLater(): void {
    if (!this.#isStopped) this.#retry = setTimeout(() => this.#listenAgain(), RETRY_MS);
  }

  #listenAgain(): void {
    const { address, logger } = this.#options;
    const shown = formatAddress(this.addr);
    try {
      this.#listen({ ...address, port: this.addr.port });
      logger.warning(
        "Could not accept connections on {address} for a while, probably because file " +
          "descriptors ran out",
        { address: shown },
      );
    } catch (error) {
      logger.warning("Cannot accept connections on {address}: {error}", {
        address: shown,
        error: String(error),
      });
      this.#listenLater();
    }
  }
}
