import type { Logger } from "@logtape/logtape";
import { connect, createServer, type Server, type Socket } from "node:net";
import { acceptTransports, TcpTransport } from "../../websocket/transport/tcp_transport.ts";

/** The number of connections that the system queues until they are accepted. */
const BACKLOG = 4096;

/** How often the listener checks that it still accepts connections. */
const CHECK_INTERVAL_MS = 1000;

/** After this many checks with an unaccepted probe, the listener restarts. */
const MAX_UNACCEPTED_CHECKS = 2;

/** The errors of a probe that had no file descriptor. */
const NO_DESCRIPTOR: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"]);

const RESTARTED =
  "Could not accept connections for a while, probably because file descriptors ran out";

/** What a {@linkcode Listener} needs. */
export interface ListenerOptions {
  readonly endpoint: Endpoint;
  /** Whether to accept transports instead of sockets. */
  readonly acceptsTransports: boolean;
  /** Called with each accepted connection, probes of the listener included. */
  readonly onConnection: (accepted: Socket | TcpTransport) => void;
  readonly logger: Logger;
}

/** What to listen on: an address, or an open socket, by the number of its file descriptor. */
export type Endpoint = AddressEndpoint | { readonly fd: number };

interface AddressEndpoint {
  readonly host: string;
  readonly port: number;
  /** Whether other processes may listen on the same port, if they allow it, too. Linux only. */
  readonly reusePort: boolean;
}

/**
 * Accepts TCP connections until it is closed.
 *
 * In Deno 2.9, a `node:net` server stops accepting for good, without an error, once the process has
 * run out of file descriptors. So when no client has connected for a while, the listener connects
 * to itself, from the address to which it connects. If this probe is not accepted, or there is no
 * file descriptor for it, the listener closes its server and listens again, until that works. An
 * open socket that was passed to this process cannot be opened again, so there a new server takes
 * over the handle of the old one. A probe that fails for another reason says nothing about the
 * server: this machine may not have the address. The next probe then uses another address, if there
 * is one.
 *
 * If the port is shared, the system gives each connection to one of the processes that listen on
 * it. So a probe that is not accepted may be at another process. In this case, a new server takes
 * over the handle of the old one, too. That changes nothing if the old one still accepts, and
 * resets no connection. If the probe is then accepted, it was here, and the old server did not
 * accept. Without a file descriptor for the probe, the listener closes its server as above: other
 * processes may have one for the clients that wait.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #server: Server | undefined;
  #address: Deno.NetAddr | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Whether a connection has been accepted since the last check. */
  #hasAccepted = true;
  #probe: Socket | undefined;
  /** Whether there was no file descriptor for the probe. */
  #isOutOfFiles = false;
  #failedProbes = 0;
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
    this.#address = await this.#listen(this.#options.endpoint);
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

  /** @param place Where to listen: an endpoint, or a server whose handle to take over. */
  #listen(place: Endpoint | Server): Promise<Deno.NetAddr> {
    const { promise, resolve, reject } = Promise.withResolvers<Deno.NetAddr>();
    // Half-open: a peer that has closed its side may still be waiting for the response.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (accepted) => {
      this.#hasAccepted = true;
      if (this.#unacceptedChecks < MAX_UNACCEPTED_CHECKS) this.#stopProbing();
      else if (portOf(accepted) === this.#probe?.localPort) this.#options.logger.warning(RESTARTED);
      this.#options.onConnection(accepted);
    });
    if (this.#options.acceptsTransports) acceptTransports(server);
    server.on("error", reject);
    server.listen(place, BACKLOG, () => {
      server.off("error", reject).on("error", (error) => this.#warn(error));
      this.#server = server;
      const bound = server.address() as { address: string; port: number } | null;
      if (bound) return resolve({ transport: "tcp", hostname: bound.address, port: bound.port });
      server.close();
      reject(Object.assign(new Error("not a TCP socket"), { code: "ENOTSOCK" }));
    });
    return promise;
  }

  #check(): void {
    const hasAccepted = this.#hasAccepted;
    this.#hasAccepted = false;
    if (hasAccepted) this.#stopProbing();
    // The last restart has failed.
    else if (!this.#server!.listening) this.#restart();
    else if (!this.#probe) this.#startProbing();
    else if (++this.#unacceptedChecks === MAX_UNACCEPTED_CHECKS) this.#restart();
    // It is at another process.
    else if (this.#unacceptedChecks > MAX_UNACCEPTED_CHECKS) this.#stopProbing();
  }

  #startProbing(): void {
    const { hostname, port } = this.#address!;
    const addresses = probeAddresses(hostname);
    const host = addresses[this.#failedProbes % addresses.length]!;
    // Without the local address, a probe of an address that has been removed would leave this
    // machine.
    const probe = connect({ host, port, localAddress: host });
    probe.on("error", (error: Error & { code?: string }) => {
      if (probe !== this.#probe) return;
      this.#isOutOfFiles = NO_DESCRIPTOR.has(error.code ?? "");
      if (this.#isOutOfFiles) return;
      this.#failedProbes++;
      this.#stopProbing();
    });
    this.#probe = probe;
  }

  #stopProbing(): void {
    this.#probe?.destroy();
    this.#probe = undefined;
    this.#isOutOfFiles = false;
    this.#unacceptedChecks = 0;
  }

  async #restart(): Promise<void> {
    const { endpoint } = this.#options;
    const isShared = "port" in endpoint && endpoint.reusePort;
    // The probe then stays open, to be accepted by the new server if it is here.
    const isUnsure = isShared && !this.#isOutOfFiles && this.#server!.listening;
    if (!isUnsure) {
      this.#stopProbing();
      this.#hasAccepted = true;
    }
    try {
      if ("fd" in endpoint || isUnsure) await this.#listen(this.#server!);
      else await this.#listenAgain(endpoint);
      if (!isUnsure) this.#options.logger.warning(RESTARTED);
    } catch (error) {
      this.#warn(error);
      this.#hasAccepted = false;
    }
    if (this.#isClosed) this.#server?.close();
  }

  /** Also resets the connections that wait: their clients may find another server. */
  #listenAgain({ reusePort }: AddressEndpoint): Promise<Deno.NetAddr> {
    const { hostname, port } = this.#address!;
    this.#server!.close();
    return this.#listen({ host: hostname, port, reusePort });
  }

  #warn(error: unknown): void {
    this.#options.logger.warning("Cannot accept a connection: {error}", { error: String(error) });
  }
}

function portOf(accepted: Socket | TcpTransport): number | undefined {
  return accepted instanceof TcpTransport ? accepted.remoteAddress?.port : accepted.remotePort;
}

/** The addresses at which a listener on `hostname` may be reached from this machine. */
function probeAddresses(hostname: string): readonly string[] {
  if (hostname === "::") return ["::1", "127.0.0.1"];
  return [hostname === "0.0.0.0" ? "127.0.0.1" : hostname];
}
