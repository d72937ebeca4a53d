import { connect, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Logger } from "@logtape/logtape";
import { lookIntervalMs } from "../../websocket/heartbeat.ts";
import { parseHead } from "../../websocket/http_head.ts";
import { SocketTransport } from "../../websocket/socket_transport.ts";
import type { Transport, TransportListener } from "../../websocket/transport.ts";
import { formatAddress } from "../address.ts";
import type { Decision, IncomingRequest } from "../admission.ts";
import { PendingConnection } from "./pending_connection.ts";
import type { JoinRequest } from "../../chat/chat.ts";
import { Listener } from "./listener.ts";
import { Pipe } from "./pipe.ts";
import type { TlsFiles } from "../security/tls_files.ts";

const LOOPBACK = "127.0.0.1";

/** A client behind a pipe. */
export interface PipedClient {
  /** Where it really comes from. */
  readonly address: string;
  /** Ends its TCP connection, whatever it is waiting for. */
  readonly end: () => void;
}

/** What the front door needs from the composition root. */
export interface GatewayOptions {
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  /** Where the private `Deno.serve` listens, on loopback. */
  readonly upstreamPort: number;
  /** How long a client may take to finish the head of its first request; 0 is for ever. */
  readonly handshakeTimeoutMs: number;
  /** How many connections may be piped at the same time. */
  readonly maxPipes: number;
  /** How long nothing may go through a pipe before it is ended; 0 is for ever. */
  readonly pipeIdleTimeoutMs: number;
  readonly admit: (request: IncomingRequest) => Decision;
  /** Takes over a connection to complete its handshake. */
  readonly serve: (connection: AdmittedConnection) => void;
  readonly logger: Logger;
}

/** A connection that is admitted to the chat. */
export interface AdmittedConnection {
  readonly transport: Transport;
  /** The client's key. */
  readonly key: string;
  /** What it has asked for. */
  readonly joinRequest: JoinRequest;
  /** What has come in behind its handshake. */
  readonly received: Uint8Array;
  readonly address: string;
}

/**
 * Accepts every connection and reads the head of its first request. If that is an upgrade that is admitted to the chat, the
 * direct engine takes the connection over. Anything else, every refusal included, is piped byte for byte to the private
 * `Deno.serve`, which judges by the same rules.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #listener: Listener;
  readonly #secureContext: SecureContext | undefined;
  /** Those who have not been handed over: their first request is being read, or they are refused, or wait for a pipe. */
  readonly #pending = new Set<PendingConnection>();
  /** The pipes by their local port. */
  readonly #pipes = new Map<number, PipedClient & { readonly pipe: Pipe }>();
  #whenUnpiped: PromiseWithResolvers<void> | undefined;
  /** Those of the pending who wait for theirs. */
  readonly #waiting = new Set<PendingConnection>();
  #reaper: ReturnType<typeof setInterval> | undefined;

  /** Throws if the certificate or its key is not good. */
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

  /** Listens, until {@linkcode close}. See {@linkcode Listener.open}. */
  async open(): Promise<Deno.NetAddr> {
    const address = await this.#listener.open();
    const { handshakeTimeoutMs, pipeIdleTimeoutMs } = this.#options;
    const deadlines = [handshakeTimeoutMs, pipeIdleTimeoutMs].filter((ms) => ms > 0);
    if (deadlines.length > 0) {
      this.#reaper = setInterval(() => this.#reap(), lookIntervalMs(deadlines));
    }
    return address;
  }

  /** Accepts nobody any more. */
  close(): void {
    this.#listener.close();
  }

  /** Resolves when no pipe is left: what the server behind the door has answered has reached the clients. */
  async unpiped(): Promise<void> {
    if (this.#pipes.size > 0) await (this.#whenUnpiped ??= Promise.withResolvers()).promise;
  }

  /** Ends the connections that are at the door or piped through it. */
  closeConnections(): void {
    clearInterval(this.#reaper);
    for (const { transport } of this.#pending) transport.destroy();
    for (const { end } of this.#pipes.values()) end();
  }

  /** The client whose pipe comes from this address; undefined if none does: a stranger. */
  clientAt({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): PipedClient | undefined {
    return hostname === LOOPBACK ? this.#pipes.get(port) : undefined;
  }

  #accept(tcp: Socket): void {
    const { remoteAddress, remotePort } = tcp;
    // It has gone before it was accepted.
    if (remoteAddress === undefined) return void tcp.destroy();
    const secureContext = this.#secureContext;
    const socket = secureContext ? new TLSSocket(tcp, { isServer: true, secureContext }) : tcp;
    const address = formatAddress({ hostname: remoteAddress, port: remotePort! });
    this.#pending.add(
      new PendingConnection(new SocketTransport(socket, NOBODY, tcp), address, {
        onHead: (pending, head, rest) => this.#dispatch(pending, head, rest),
        onGone: (pending, error) => this.#forget(pending, error),
      }),
    );
  }

  #forget(pending: PendingConnection, error: Error | undefined): void {
    this.#pending.delete(pending);
    if (error) {
      this.#options.logger.debug("A connection broke off at the front gateway: {error}", {
        error: String(error),
      });
    }
  }

  /** Sends a client on to where its first request belongs. */
  #dispatch(pending: PendingConnection, head: Uint8Array, rest: Uint8Array): void {
    const { transport, address } = pending;
    try {
      const admitted = this.#admitted(head);
      if (!admitted) return this.#pipe(pending);
      this.#pending.delete(pending);
      this.#options.serve({ ...admitted, transport, received: rest, address });
    } catch (error) {
      // A fault of the program must not end everybody else's connections.
      this.#options.logger.error("A request failed: {error}", { error: String(error) });
      transport.reset();
    }
  }

  /** The handshake key and the wishes of a request that is admitted to the chat; undefined for any other request. */
  #admitted(headBytes: Uint8Array): Pick<AdmittedConnection, "key" | "joinRequest"> | undefined {
    const head = parseHead(headBytes);
    if (!head) return undefined;
    const { start: [method, target, version], headers } = head;
    // Whatever is not plain, such as bytes that should have been escaped, is read by Deno alone.
    if (version !== "HTTP/1.1" || /[^!-~]|#/.test(target)) return undefined;
    const [path = "", ...query] = target.split("?");
    const decision = this.#options.admit({ method, path, query: query.join("?"), headers });
    if (decision.kind !== "chat") return undefined;
    return { key: headers.get("sec-websocket-key")!, joinRequest: decision.joinRequest };
  }

  #pipe(pending: PendingConnection): void {
    const { upstreamPort, maxPipes } = this.#options;
    if (this.#pipes.size + this.#waiting.size >= maxPipes) {
      return pending.refuse("503 Service Unavailable", "The server is full: try again later");
    }
    const { transport, address, received } = pending;
    // Until the pipe is open the client waits, and may end its side, or go.
    transport.pause();
    this.#waiting.add(pending);
    let hasClientEnded = false;
    const socket = connect({ host: LOOPBACK, port: upstreamPort, allowHalfOpen: true });
    const upstream = new SocketTransport(socket, {
      ...NOBODY,
      onGone: () => {
        this.#waiting.delete(pending);
        transport.destroy();
      },
    });
    transport.listener = {
      onData: () => {},
      onEnd: () => hasClientEnded = true,
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
      this.#pipes.set(port, { address, pipe, end: () => pipe.end() });
      const goOn = () => hasClientEnded ? upstream.end() : transport.resume();
      if (upstream.write(received, goOn)) goOn();
    });
  }

  /** Ends what has taken too long: to send a head, or to send anything at all through a pipe. */
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
        if (nowMs - pipe.lastCopyMs >= pipeIdleTimeoutMs) pipe.end();
      }
    }
  }
}

/** The listener of a transport from which nothing is expected. */
const NOBODY: TransportListener = { onData: () => {}, onEnd: () => {}, onGone: () => {} };
