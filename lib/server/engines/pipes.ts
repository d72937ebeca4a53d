import { connect } from "node:net";
import { SocketTransport } from "../../websocket/transport/socket_transport.ts";
import { IGNORE_EVENTS } from "../../websocket/transport/transport.ts";
import type { Peer } from "../http/guard.ts";
import { type Refusal, TOO_MANY, UNAVAILABLE } from "../http/refusal.ts";
import type { AddressCounts } from "../security/address_limits.ts";
import type { HttpConnection } from "./http_connection.ts";
import { Pipe, type PipeTimeouts } from "./pipe.ts";

const LOOPBACK = "127.0.0.1";

/** What the pipes of a gateway need. */
export interface PipesOptions {
  /** The port of the private `Deno.serve`, on loopback. */
  readonly upstreamPort: number;
  /** The maximum number of pipes. */
  readonly maxPipes: number;
  /** Whether the process can open files for more connections. */
  readonly hasFiles: () => boolean;
  /** Counts the pipes of each address, apart from those of proxies. */
  readonly pipesPerAddress: AddressCounts;
  /** Whether an IP address is that of a proxy, which has connections of many clients. */
  readonly isProxy: (ip: string) => boolean;
  readonly timeouts: PipeTimeouts;
  /** Called when `Deno.serve` has sent a malformed response. */
  readonly onBadResponse: (error: unknown) => void;
}

/** The pipes of a gateway. */
export class Pipes {
  readonly #options: PipesOptions;
  #count = 0;
  /** Connected pipes by local port. `Deno.serve` sees this port as the remote port. */
  readonly #byPort = new Map<number, { readonly peer: Peer; readonly pipe: Pipe }>();
  #whenNone: PromiseWithResolvers<void> | undefined;

  constructor(options: PipesOptions) {
    this.#options = options;
  }

  /** Refuses one more pipe if there are too many. */
  refuse({ ip }: Peer): Refusal | undefined {
    const { maxPipes, hasFiles, pipesPerAddress } = this.#options;
    if (this.#count >= maxPipes) return UNAVAILABLE.tooManyPipes;
    if (!hasFiles()) return UNAVAILABLE.outOfFiles;
    return pipesPerAddress.isFull(ip) ? TOO_MANY.connections() : undefined;
  }

  /** The number of open files: a pipe has two, apart from that of its client. */
  get fileCount(): number {
    return 2 * this.#count;
  }

  /** Opens a pipe for a connection. */
  open(connection: HttpConnection): Pipe {
    const { upstreamPort, timeouts, isProxy, pipesPerAddress, onBadResponse } = this.#options;
    const socket = connect({ host: LOOPBACK, port: upstreamPort, allowHalfOpen: true });
    const upstream = new SocketTransport(socket, IGNORE_EVENTS);
    let port: number | undefined;
    const { peer } = connection;
    const isCounted = !isProxy(peer.ip);
    if (isCounted) pipesPerAddress.enter(peer.ip);
    const pipe = new Pipe(connection.transport, upstream, {
      listener: {
        onIdle: (rest) => connection.readNext(rest),
        onFault: (error) => connection.refuse(error),
        onStalled: () => peer.onStalled?.(),
        onBadResponse,
        onEnd: () => connection.end(),
        onGone: (error) => connection.onGone(error),
        onClosed: () => {
          this.#count--;
          if (isCounted) pipesPerAddress.leave(peer.ip);
          if (port !== undefined) this.#byPort.delete(port);
          if (this.#count === 0) this.#whenNone?.resolve();
        },
      },
      timeouts,
    });
    this.#count++;
    socket.on("connect", () => {
      port = socket.localPort!;
      this.#byPort.set(port, { peer, pipe });
    });
    return pipe;
  }

  /** The peer whose request this is; undefined if the request did not come through a pipe. */
  peerOf(
    { remoteAddr, completed }: Pick<
      Deno.ServeHandlerInfo<Deno.NetAddr>,
      "remoteAddr" | "completed"
    >,
  ): Peer | undefined {
    const { hostname, port } = remoteAddr;
    const piped = hostname === LOOPBACK ? this.#byPort.get(port) : undefined;
    piped?.pipe.count(completed);
    return piped?.peer;
  }

  /** Resolves when no pipe is left: all responses of `Deno.serve` have reached their clients. */
  async closed(): Promise<void> {
    if (this.#count > 0) await (this.#whenNone ??= Promise.withResolvers()).promise;
  }
}
