import type { Logger } from "@logtape/logtape";
import { connect, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { checkIntervalMs } from "../../websocket/heartbeat.ts";
import { SocketTransport } from "../../websocket/transport/socket_transport.ts";
import { TcpTransport } from "../../websocket/transport/tcp_transport.ts";
import { IGNORE_EVENTS, type Transport } from "../../websocket/transport/transport.ts";
import { formatAddress } from "../address.ts";
import type { Decision, IncomingRequest } from "../http/admission.ts";
import type { TextResponse } from "../http/api_response.ts";
import { probeResponse, type ReadinessCheck } from "../http/probes.ts";
import { refusalResponse, UNAVAILABLE } from "../http/refusal.ts";
import type { Client } from "../http/routes.ts";
import type { TlsFiles } from "../security/tls_files.ts";
import type { DirectEngine } from "./direct_engine.ts";
import {
  HttpConnection,
  type HttpConnectionOptions,
  type HttpTimeouts,
} from "./http_connection.ts";
import { Listener } from "./listener.ts";
import { Pipe, type PipedRequest } from "./pipe.ts";
import { RequestError, type RequestHead } from "./request_head.ts";

const LOOPBACK = "127.0.0.1";

/** What the gateway needs from the composition root. */
export interface GatewayOptions {
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  /** The port of the private `Deno.serve`, on loopback. */
  readonly upstreamPort: number;
  readonly timeouts: HttpTimeouts;
  /** Whether to use {@linkcode TcpTransport}. TLS needs a socket. */
  readonly hasTcpTransport: boolean;
  /** The maximum number of pipes. */
  readonly maxPipes: number;
  readonly admit: (request: IncomingRequest) => Decision;
  readonly readinessChecks: readonly ReadinessCheck[];
  readonly directEngine: Pick<DirectEngine, "serve">;
  readonly logger: Logger;
}

/**
 * Accepts every connection and reads the head of each request. An upgrade that is admitted to the
 * chat goes to the direct engine. Everything else is piped to the private `Deno.serve`, which makes
 * the same decisions. The gateway itself answers a request that is not valid HTTP, one that expects
 * `100 Continue` but is refused, and one without a free pipe.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #listener: Listener;
  #secureContext: SecureContext | undefined;
  readonly #httpOptions: HttpConnectionOptions;
  /** All connections that the direct engine does not have. */
  readonly #connections = new Set<HttpConnection>();
  #pipeCount = 0;
  /** Connected pipes by local port. `Deno.serve` sees this port as the remote port. */
  readonly #pipes = new Map<number, { readonly client: Client; readonly pipe: Pipe }>();
  #whenUnpiped: PromiseWithResolvers<void> | undefined;
  #reaper: ReturnType<typeof setInterval> | undefined;

  constructor(options: GatewayOptions) {
    const { hostname, port, tls, logger } = options;
    this.#options = options;
    if (tls) this.useTls(tls);
    this.#httpOptions = {
      listener: {
        onRequest: (connection, request) => this.#dispatch(connection, request),
        onGone: (connection, error) => this.#forget(connection, error),
      },
      timeouts: options.timeouts,
    };
    this.#listener = new Listener({
      hostname,
      port,
      acceptsTransports: options.hasTcpTransport && !tls,
      onConnection: (accepted) =>
        accepted instanceof TcpTransport ? this.#acceptTcp(accepted) : this.#accept(accepted),
      logger,
    });
  }

  /** Listens until {@linkcode close} is called. See {@linkcode Listener.open}. */
  async open(): Promise<Deno.NetAddr> {
    const address = await this.#listener.open();
    const deadlines = Object.values(this.#options.timeouts).filter((ms) => ms > 0);
    if (deadlines.length > 0) {
      this.#reaper = setInterval(() => this.#check(), checkIntervalMs(deadlines));
    }
    return address;
  }

  /** Uses this certificate for the connections accepted from now on. */
  useTls(tls: TlsFiles): void {
    this.#secureContext = createSecureContext({ ...tls });
  }

  /** Stops accepting connections. */
  close(): void {
    this.#listener.close();
  }

  /** Resolves when no pipe is left: all responses of `Deno.serve` have reached their clients. */
  async unpiped(): Promise<void> {
    if (this.#pipeCount > 0) await (this.#whenUnpiped ??= Promise.withResolvers()).promise;
  }

  /** Closes all connections that the direct engine does not have. */
  closeConnections(): void {
    clearInterval(this.#reaper);
    for (const { transport } of this.#connections) transport.destroy();
  }

  /** The client whose request this is; undefined if the request did not come through a pipe. */
  clientOf(
    { remoteAddr, completed }: Pick<
      Deno.ServeHandlerInfo<Deno.NetAddr>,
      "remoteAddr" | "completed"
    >,
  ): Client | undefined {
    const { hostname, port } = remoteAddr;
    const piped = hostname === LOOPBACK ? this.#pipes.get(port) : undefined;
    piped?.pipe.count(completed);
    return piped?.client;
  }

  #accept(tcp: Socket): void {
    const { remoteAddress, remotePort } = tcp;
    // Undefined if the client has already disconnected.
    if (remoteAddress === undefined) return void tcp.destroy();
    const secureContext = this.#secureContext;
    const socket = secureContext ? new TLSSocket(tcp, { isServer: true, secureContext }) : tcp;
    this.#add(new SocketTransport(socket, IGNORE_EVENTS, tcp), {
      hostname: remoteAddress,
      port: remotePort!,
    });
  }

  #acceptTcp(transport: TcpTransport): void {
    const { remoteAddress } = transport;
    if (remoteAddress === undefined) return void transport.destroy();
    this.#add(transport, remoteAddress);
  }

  #add(transport: Transport, address: { readonly hostname: string; readonly port: number }): void {
    this.#connections.add(
      new HttpConnection(transport, formatAddress(address), this.#httpOptions),
    );
  }

  #forget(connection: HttpConnection, error: Error | undefined): void {
    this.#connections.delete(connection);
    if (error) {
      this.#options.logger.debug("A connection failed in the gateway: {error}", {
        error: String(error),
      });
    }
  }

  #dispatch(connection: HttpConnection, request: PipedRequest): void {
    const { transport, address } = connection;
    const { head, bytes, headLength } = request;
    try {
      const decision = this.#options.admit(head);
      if (decision.kind !== "chat") {
        // Deno.serve would ask for the body before it refuses the request.
        if (decision.kind === "refusal" && head.headers.get("expect") !== null) {
          return respond(connection, head, refusalResponse(head, decision));
        }
        const isFull = this.#pipeCount >= this.#options.maxPipes;
        if (!connection.pipe && isFull) {
          const { kind } = decision;
          const isProbe = kind === "health" || kind === "readiness";
          // A server that is full is alive, and a supervisor must not restart it.
          const response = isProbe
            ? probeResponse(kind, this.#options.readinessChecks)
            : refusalResponse(head, UNAVAILABLE.full);
          return respond(connection, head, response);
        }
        connection.pipe ??= this.#openPipe(connection);
        return connection.pipe.exchange(request);
      }
      if (head.version !== "HTTP/1.1") throw new RequestError(426, NEEDS_HTTP_11, UPGRADE_HEADERS);
      this.#connections.delete(connection);
      connection.pipe?.close();
      this.#options.directEngine.serve({
        transport,
        key: head.headers.get("sec-websocket-key")!,
        joinRequest: decision.joinRequest,
        received: bytes.subarray(headLength),
        address,
      });
      if (connection.pipe?.hasClientEnded) transport.listener.onEnd();
    } catch (error) {
      if (error instanceof RequestError) throw error;
      // A bug must affect only this connection.
      this.#logFault(error);
      transport.reset();
    }
  }

  #logFault(error: unknown): void {
    this.#options.logger.error("A request failed: {error}", { error: String(error) });
  }

  #openPipe(connection: HttpConnection): Pipe {
    const { upstreamPort, timeouts } = this.#options;
    const socket = connect({ host: LOOPBACK, port: upstreamPort, allowHalfOpen: true });
    const upstream = new SocketTransport(socket, IGNORE_EVENTS);
    let port: number | undefined;
    const client: Client = { address: connection.address };
    const pipe = new Pipe(connection.transport, upstream, {
      listener: {
        onIdle: (rest) => connection.readNext(rest),
        onFault: (error) => connection.refuse(error),
        onStalled: () => client.onStalled?.(),
        onBadResponse: (error) => this.#logFault(error),
        onEnd: () => connection.end(),
        onGone: (error) => connection.onGone(error),
        onClosed: () => {
          this.#pipeCount--;
          if (port !== undefined) this.#pipes.delete(port);
          if (this.#pipeCount === 0) this.#whenUnpiped?.resolve();
        },
      },
      timeouts,
    });
    this.#pipeCount++;
    socket.on("connect", () => {
      port = socket.localPort!;
      this.#pipes.set(port, { client, pipe });
    });
    return pipe;
  }

  #check(): void {
    const nowMs = performance.now();
    for (const connection of this.#connections) connection.check(nowMs);
  }
}

function respond(
  connection: HttpConnection,
  { method }: RequestHead,
  response: TextResponse,
): void {
  connection.respond(method === "HEAD" ? { ...response, body: "" } : response);
}

const NEEDS_HTTP_11 = "A WebSocket needs HTTP/1.1: a proxy in between may speak only HTTP/1.0";

const UPGRADE_HEADERS = { Upgrade: "websocket", Connection: "Upgrade" };
