import { connect, createServer, type Server, type Socket } from "node:net";
import type { Logger } from "@logtape/logtape";

/** How many connections the system may keep waiting until they are accepted. */
const BACKLOG = 4096;

/** How often the listener looks whether it still accepts. */
const CHECK_INTERVAL_MS = 1000;

/** After how many looks without an answer it does not believe any more that it was only busy. */
const PATIENCE_CHECKS = 2;

/** What a {@linkcode Listener} needs. */
export interface ListenerOptions {
  readonly hostname: string;
  readonly port: number;
  /** Takes a connection that has been accepted. */
  readonly onConnection: (socket: Socket) => void;
  readonly logger: Logger;
}

/**
 * Accepts TCP connections until it is closed.
 *
 * `node:net` in Deno 2.9 never accepts again once the system had no file descriptor for a connection, and tells nobody. So
 * the listener knocks at its own door when nobody else does; a knock that is not answered makes it listen anew.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #server: Server | undefined;
  #address: Deno.NetAddr | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #hasAccepted = true;
  #probe: Socket | undefined;
  #unansweredChecks = 0;
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /**
   * Begins to listen.
   *
   * @returns The address, with the port that was chosen if it was 0.
   * @throws {Error} With a `code` such as `EADDRINUSE`, if it cannot.
   */
  async open(): Promise<Deno.NetAddr> {
    const { hostname, port } = this.#options;
    this.#address = await this.#listen(hostname, port);
    this.#timer = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
    return this.#address;
  }

  /** Accepts nobody any more. Closing twice is harmless. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#probe?.destroy();
    this.#server?.close();
  }

  #listen(hostname: string, port: number): Promise<Deno.NetAddr> {
    const { promise, resolve, reject } = Promise.withResolvers<Deno.NetAddr>();
    // Half-open: a peer that has ended its side may still be waiting for what we have to say.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#hasAccepted = true;
      if (!this.#isProbe(socket)) return this.#options.onConnection(socket);
      socket.destroy();
      this.#stopProbing();
    });
    server.on("error", reject);
    server.listen({ host: hostname, port, backlog: BACKLOG }, () => {
      server.off("error", reject).on("error", (error) => {
        this.#options.logger.warning("Cannot accept a connection: {error}", {
          error: String(error),
        });
      });
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
      // Whether it is answered is all that counts.
      this.#probe.on("error", () => {});
    } else if (++this.#unansweredChecks >= PATIENCE_CHECKS) this.#listenAnew();
  }

  #stopProbing(): void {
    this.#probe?.destroy();
    this.#probe = undefined;
    this.#unansweredChecks = 0;
  }

  async #listenAnew(): Promise<void> {
    const { logger } = this.#options;
    this.#stopProbing();
    this.#hasAccepted = true;
    this.#server?.close();
    try {
      await this.#listen(this.#address!.hostname, this.#address!.port);
      logger.warning("Nobody could be accepted for a while, probably for want of file descriptors");
    } catch (error) {
      logger.warning("Cannot accept a connection: {error}", { error: String(error) });
      this.#hasAccepted = false;
    }
    if (this.#isClosed) this.#server?.close();
  }
}

/** An address at which a listener that is bound to this one can be reached. */
function reachable(hostname: string): string {
  return hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
}
