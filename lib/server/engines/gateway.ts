import type { Logger } from "@logtape/logtape";
import { connect, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { checkIntervalMs } from "../../websocket/heartbeat.ts";
import { parseHead } from "../../websocket/http_head.ts";
import { SocketTransport } from "../../websocket/socket_transport.ts";
import type { TransportListener } from "../../websocket/transport.ts";
import { formatAddress } from "../address.ts";
import type { Decision, IncomingRequest } from "../http/admission.ts";
import type { Client } from "../http/routes.ts";
import type { TlsFiles } from "../security/tls_files.ts";
import type { AdmittedConnection, DirectEngine } from "./direct_engine.ts";
import { Listener } from "./listener.ts";
import { PendingConnection } from "./pending_connection.ts";
import { Pipe } from "./pipe.ts";

const LOOPBACK = "127.0.0.1";

/** What the gateway needs from the composition root. */
export interface GatewayOptions {
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  /** The port of the private `Deno.serve`, on loopback. */
  readonly upstreamPort: number;
  /** Time for a client to send the head of its first request; 0 disables the limit. */
  readonly handshakeTimeoutMs: number;
  /** The maximum number of pipes. */
  readonly maxPipes: number;
  /** A pipe is closed when no bytes pass through it for this long; 0 disables the limit. */
  readonly pipeIdleTimeoutMs: number;
  readonly admit: (request: IncomingRequest) => Decision;
  readonly directEngine: Pick<DirectEngine, "serve">;
  readonly logger: Logger;
}

/**
 * Accepts every connection and reads the head of its first request. An upgrade that is admitted to
 * the chat goes to the direct engine. Everything else, refusals included, is piped to the private
 * `Deno.serve`, which makes the same decisions.
 *
 * On a piped connection, later requests can be upgrades too: those are served by the serve engine.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #listener: Listener;
  readonly #secureContext: SecureContext | undefined;
  /** Connections that are being read, refused, or waiting for their pipe to open. */
  readonly #pending = new Set<PendingConnection>();
  /** Pending connections that wait for their pipe. */
  readonly #waiting = new Set<PendingConnection>();
  /** Open pipes by local port. `Deno.serve` sees this port as the remote port. */
  readonly #pipes = new Map<number, { readonly client: Client; readonly pipe: Pipe }>();
  #whenUnpiped: PromiseWithResolvers<void> | undefined;
  #reaper: ReturnType<typeof setInterval> | undefined;

  /** @throws {Error} If the certificate or its key is invalid. */
  constructor(options: GatewayOptions) {
    const { hostname, port, tls, logger } = options;
    this.#options = options;
    this.#secureContext = tls && createSecureContext({ ...tls });
    this.#listener = new Listener({
      hostname,
      port,
      onConnection: (socket) => this.#accept(socket),
      logger,
    });
  }

  /** Listens until {@linkcode close} is called. See {@linkcode Listener.open}. */
  async open(): Promise<Deno.NetAddr> {
    const address = await this.#listener.open();
    const { handshakeTimeoutMs, pipeIdleTimeoutMs } = this.#options;
    const deadlines = [handshakeTimeoutMs, pipeIdleTimeoutMs].filter((ms) => ms > 0);
    if (deadlines.length > 0) {
      this.#reaper = setInterval(() => this.#reap(), checkIntervalMs(deadlines));
    }
    return address;
  }

  /** Stops accepting connections. */
  close(): void {
    this.#listener.close();
  }

  /** Resolves when no pipe is left: all responses of `Deno.serve` have reached their clients. */
  async unpiped(): Promise<void> {
    if (this.#pipes.size > 0) await (this.#whenUnpiped ??= Promise.withResolvers()).promise;
  }

  /** Closes all pending and piped connections. */
  closeConnections(): void {
    clearInterval(this.#reaper);
    for (const { transport } of this.#pending) transport.destroy();
    for (const { pipe } of this.#pipes.values()) pipe.close();
  }

  /** The client whose pipe has this local address; undefined if the address is not a pipe's. */
  clientAt({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): Client | undefined {
    return hostname === LOOPBACK ? this.#pipes.get(port)?.client : undefined;
  }

  #accept(tcp: Socket): void {
    const { remoteAddress, remotePort } = tcp;
    // Undefined if the client has already disconnected.
    if (remoteAddress === undefined) return void tcp.destroy();
    const secureContext = this.#secureContext;
    const socket = secureContext ? new TLSSocket(tcp, { isServer: true, secureContext }) : tcp;
    const address = formatAddress({ hostname: remoteAddress, port: remotePort! });
    this.#pending.add(
      new PendingConnection(new SocketTransport(socket, IGNORE_EVENTS, tcp), address, {
        onHead: (pending, head, rest) => this.#dispatch(pending, head, rest),
        onGone: (pending, error) => this.#forget(pending, error),
      }),
    );
  }

  #forget(pending: PendingConnection, error: Error | undefined): void {
    this.#pending.delete(pending);
    if (error) {
      this.#options.logger.debug("A connection failed in the gateway: {error}", {
        error: String(error),
      });
    }
  }

  #dispatch(pending: PendingConnection, head: Uint8Array, rest: Uint8Array): void {
    const { transport, address } = pending;
    try {
      const upgrade = this.#admittedUpgrade(head);
      if (!upgrade) return this.#pipe(pending);
      this.#pending.delete(pending);
      this.#options.directEngine.serve({ ...upgrade, transport, received: rest, address });
    } catch (error) {
      // A bug must affect only this connection.
      this.#options.logger.error("A request failed: {error}", { error: String(error) });
      transport.reset();
    }
  }

  /** Parses an upgrade that is admitted to the chat; undefined for any other request. */
  #admittedUpgrade(bytes: Uint8Array): Pick<AdmittedConnection, "key" | "joinRequest"> | undefined {
    const head = parseHead(bytes);
    if (!head) return undefined;
    const { start: [method, target, version], headers } = head;
    // Only Deno parses unusual targets, such as those with unescaped bytes.
    if (version !== "HTTP/1.1" || /[^!-~]|#/.test(target)) return undefined;
    const [path = "", ...query] = target.split("?");
    const host = headers.get("host") ?? "";
    const decision = this.#options.admit({ method, host, path, query: query.join("?"), headers });
    if (decision.kind !== "chat") return undefined;
    return { key: headers.get("sec-websocket-key")!, joinRequest: decision.joinRequest };
  }

  #pipe(pending: PendingConnection): void {
    const { upstreamPort, maxPipes } = this.#options;
    if (this.#pipes.size + this.#waiting.size >= maxPipes) {
      return pending.refuse(
        "503 Service Unavailable",
        "The server is full: try again later",
        "Retry-After: 10",
      );
    }
    const { transport, address, received } = pending;
    // While the pipe opens, the client waits; it may close its side or disconnect.
    transport.pause();
    this.#waiting.add(pending);
    let hasClientClosed = false;
    const socket = connect({ host: LOOPBACK, port: upstreamPort, allowHalfOpen: true });
    const upstream = new SocketTransport(socket, {
      ...IGNORE_EVENTS,
      onGone: () => {
        this.#waiting.delete(pending);
        transport.destroy();
      },
    });
    transport.listener = {
      onData: () => {},
      onEnd: () => hasClientClosed = true,
      onGone: (error) => {
        this.#forget(pending, error);
        upstream.destroy();
      },
    };
    socket.on("connect", () => {
      this.#waiting.delete(pending);
      this.#pending.delete(pending);
      const port = socket.localPort!;
      const pipe = new Pipe(transport, upstream, () => {
        this.#pipes.delete(port);
        if (this.#pipes.size === 0) this.#whenUnpiped?.resolve();
      });
      this.#pipes.set(port, { client: { address, close: () => pipe.close() }, pipe });
      const start = () => hasClientClosed ? upstream.end() : transport.resume();
      if (upstream.write(received, start)) start();
    });
  }

  /** Refuses clients whose request head is late, and closes idle pipes. */
  #reap(): void {
    const { handshakeTimeoutMs, pipeIdleTimeoutMs } = this.#options;
    const nowMs = performance.now();
    if (handshakeTimeoutMs > 0) {
      for (const pending of this.#pending) {
        if (pending.isReading && nowMs - pending.sinceMs >= handshakeTimeoutMs) {
          pending.refuse("408 Request Timeout", "The request took too long");
        }
      }
    }
    if (pipeIdleTimeoutMs > 0) {
      for (const { pipe } of this.#pipes.values()) {
        if (nowMs - pipe.lastCopyMs >= pipeIdleTimeoutMs) pipe.close();
      }
    }
  }
}

const IGNORE_EVENTS: TransportListener = { onData: () => {}, onEnd: () => {}, onGone: () => {} };
