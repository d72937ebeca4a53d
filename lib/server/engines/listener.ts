import type { Logger } from "@logtape/logtape";
import { connect, createServer, type Server, type Socket } from "node:net";

/** The number of connections that the system queues until they are accepted. */
const BACKLOG = 4096;

/** How often the listener checks that it still accepts connections. */
const CHECK_INTERVAL_MS = 1000;

/** After this many checks with an unaccepted probe, the listener restarts. */
const MAX_UNACCEPTED_CHECKS = 2;

/** What a {@linkcode Listener} needs. */
export interface ListenerOptions {
  readonly hostname: string;
  readonly port: number;
  /** Called with each accepted connection. */
  readonly onConnection: (socket: Socket) => void;
  readonly logger: Logger;
}

/**
 * Accepts TCP connections until it is closed.
 *
 * In Deno 2.9, a `node:net` server stops accepting for good, without an error, once the process has
 * run out of file descriptors. So when no client has connected for a while, the listener connects
 * to itself. If this probe is not accepted, the listener closes its server and listens again.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #server: Server | undefined;
  #address: Deno.NetAddr | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Whether a connection has been accepted since the last check. */
  #hasAccepted = true;
  #probe: Socket | undefined;
  #unacceptedChecks = 0;
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /**
   * Starts to listen.
   *
   * @returns The bound address, with the port that the system chose if it was 0.
   * @throws {Error} With a `code` such as `EADDRINUSE`, if it cannot listen.
   */
  async open(): Promise<Deno.NetAddr> {
    const { hostname, port } = this.#options;
    this.#address = await this.#listen(hostname, port);
    this.#timer = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
    return this.#address;
  }

  /** Stops accepting connections. Closing twice is harmless. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#probe?.destroy();
    this.#server?.close();
  }

  #listen(hostname: string, port: number): Promise<Deno.NetAddr> {
    const { promise, resolve, reject } = Promise.withResolvers<Deno.NetAddr>();
    // Half-open: a peer that has closed its side may still be waiting for the response.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#hasAccepted = true;
      if (!this.#isProbe(socket)) return this.#options.onConnection(socket);
      socket.destroy();
      this.#stopProbing();
    });
    server.on("error", reject);
    server.listen({ host: hostname, port, backlog: BACKLOG }, () => {
      server.off("error", reject).on("error", (error) => this.#warn(error));
      const { address, port } = server.address() as { address: string; port: number };
      resolve({ transport: "tcp", hostname: address, port });
    });
    this.#server = server;
    return promise;
  }

  #isProbe({ remoteAddress, remotePort }: Socket): boolean {
    return remotePort !== undefined && remotePort === this.#probe?.localPort &&
      remoteAddress === this.#probe.localAddress;
  }

  #check(): void {
    const hasAccepted = this.#hasAccepted;
    this.#hasAccepted = false;
    if (hasAccepted) this.#stopProbing();
    else if (!this.#probe) {
      const { hostname, port } = this.#address!;
      this.#probe = connect({ host: reachable(hostname), port });
      // A probe that fails counts as one that is not accepted.
      this.#probe.on("error", () => {});
    } else if (++this.#unacceptedChecks >= MAX_UNACCEPTED_CHECKS) this.#restart();
  }

  #stopProbing(): void {
    this.#probe?.destroy();
    this.#probe = undefined;
    this.#unacceptedChecks = 0;
  }

  async #restart(): Promise<void> {
    this.#stopProbing();
    this.#hasAccepted = true;
    this.#server?.close();
    try {
      await this.#listen(this.#address!.hostname, this.#address!.port);
      this.#options.logger.warning(
        "Could not accept connections for a while, probably because file descriptors ran out",
      );
    } catch (error) {
      this.#warn(error);
      this.#hasAccepted = false;
    }
    if (this.#isClosed) this.#server?.close();
  }

  #warn(error: unknown): void {
    this.#options.logger.warning("Cannot accept a connection: {error}", { error: String(error) });
  }
}

/** An address at which a listener on `hostname` can be reached from this machine. */
function reachable(hostname: string): string {
  return hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
}
