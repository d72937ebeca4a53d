import { connect, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Logger } from "@logtape/logtape";
import { HeadReader, HeadTooLongError, parseHead } from "../websocket/http_head.ts";
import { SocketTransport } from "../websocket/socket_transport.ts";
import type { Receiver, Transport } from "../websocket/transport.ts";
import { formatAddress } from "./address.ts";
import type { IncomingRequest, Verdict } from "./admission.ts";
import { Listener } from "./listener.ts";
import { Pipe } from "./pipe.ts";
import type { TlsFiles } from "./tls_files.ts";

/** The longest head of a first request. */
const MAX_HEAD_BYTES = 16 * 1024;

/** How long a client that has been refused may take to read the answer. */
const LINGER_MS = 1000;

const LOOPBACK = "127.0.0.1";

/** A client behind a pipe. */
export interface PipedClient {
  /** Where it really comes from. */
  readonly address: string;
  /** Ends its TCP connection, whatever it is waiting for. */
  readonly end: () => void;
}

/** What the front door needs from the composition root. */
export interface FrontDoorOptions {
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
  readonly admit: (request: IncomingRequest) => Verdict;
  /** Takes over a connection to complete its handshake, with the client's key and what has come in behind it. */
  readonly serve: (
    transport: Transport,
    key: string,
    received: Uint8Array,
    address: string,
  ) => void;
  readonly logger: Logger;
}

/**
 * Accepts every connection and reads the head of its first request. If that is an upgrade that is admitted to the chat, the
 * direct engine takes the connection over. Anything else, every refusal included, is piped byte for byte to the private
 * `Deno.serve`, which judges by the same rules.
 */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #listener: Listener;
  readonly #secureContext: SecureContext | undefined;
  /** Those whose first request is being read. */
  readonly #arrivals = new Set<Arrival>();
  /** The pipes by their local port. */
  readonly #pipes = new Map<number, PipedClient & { readonly pipe: Pipe }>();
  #reaper: ReturnType<typeof setInterval> | undefined;

  /** Throws if the certificate or its key is not good. */
  constructor(options: FrontDoorOptions) {
    const { hostname, port, tls, logger } = options;
    this.#options = options;
    this.#secureContext = tls && createSecureContext({ ...tls });
    this.#listener = new Listener({
      hostname,
      port,
      onConnection: (socket) => this.#welcome(socket),
      logger,
    });
  }

  /** Listens, until {@linkcode close}. See {@linkcode Listener.open}. */
  async open(): Promise<Deno.NetAddr> {
    const address = await this.#listener.open();
    const { handshakeTimeoutMs, pipeIdleTimeoutMs } = this.#options;
    const deadlines = [handshakeTimeoutMs, pipeIdleTimeoutMs].filter((ms) => ms > 0);
    const intervalMs = Math.min(1000, Math.max(10, Math.min(...deadlines) / 4));
    if (deadlines.length > 0) this.#reaper = setInterval(() => this.#reap(), intervalMs);
    return address;
  }

  /** Accepts nobody any more. */
  close(): void {
    this.#listener.close();
  }

  /** Ends the connections that are at the door or piped through it. */
  closeConnections(): void {
    clearInterval(this.#reaper);
    for (const { transport } of this.#arrivals) transport.destroy();
    for (const { end } of this.#pipes.values()) end();
  }

  /** The client whose pipe comes from this address; undefined if none does: a stranger. */
  clientAt({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): PipedClient | undefined {
    return hostname === LOOPBACK ? this.#pipes.get(port) : undefined;
  }

  #welcome(tcp: Socket): void {
    const { remoteAddress, remotePort } = tcp;
    // It has gone before it was accepted.
    if (remoteAddress === undefined) return void tcp.destroy();
    const secureContext = this.#secureContext;
    const socket = secureContext ? new TLSSocket(tcp, { isServer: true, secureContext }) : tcp;
    const address = formatAddress({ hostname: remoteAddress, port: remotePort! });
    const arrival = new Arrival(new SocketTransport(socket, NOBODY, tcp), address, {
      onHead: (head, rest) => this.#usher(arrival, head, rest),
      onGone: (error) => this.#forget(arrival, error),
    });
    this.#arrivals.add(arrival);
  }

  #forget(arrival: Arrival, error: Error | undefined): void {
    this.#arrivals.delete(arrival);
    if (error) {
      this.#options.logger.debug("A connection broke off at the front door: {error}", {
        error: String(error),
      });
    }
  }

  /** Sends a client on to where its first request belongs. */
  #usher(arrival: Arrival, head: Uint8Array, rest: Uint8Array): void {
    const { transport, address } = arrival;
    this.#arrivals.delete(arrival);
    const key = this.#admittedKey(head);
    if (key !== undefined) this.#options.serve(transport, key, rest, address);
    else this.#pipe(arrival);
  }

  /** The handshake key of a request that is admitted to the chat; undefined for any other request. */
  #admittedKey(headBytes: Uint8Array): string | undefined {
    const head = parseHead(headBytes);
    if (!head) return undefined;
    const { start: [method, target, version], headers } = head;
    if (version !== "HTTP/1.1") return undefined;
    const path = target.split("?")[0]!;
    const { kind } = this.#options.admit({ method, path, headers });
    return kind === "chat" ? headers.get("sec-websocket-key")! : undefined;
  }

  #pipe(arrival: Arrival): void {
    const { upstreamPort, maxPipes } = this.#options;
    if (this.#pipes.size >= maxPipes) {
      return arrival.refuse("503 Service Unavailable", "The server is full: try again later");
    }
    const { transport, address, received } = arrival;
    // Until the pipe is open, the client waits, and may go.
    transport.pause();
    this.#arrivals.add(arrival);
    const socket = connect({ host: LOOPBACK, port: upstreamPort, allowHalfOpen: true });
    const upstream = new SocketTransport(socket, { ...NOBODY, onGone: () => transport.destroy() });
    let hasClientEnded = false;
    transport.receiver = {
      ...NOBODY,
      // A client may end its side as soon as it has sent its request, and wait for the answer.
      onEnd: () => hasClientEnded = true,
      onGone: (error) => {
        this.#forget(arrival, error);
        upstream.destroy();
      },
    };
    socket.on("connect", () => {
      this.#arrivals.delete(arrival);
      const port = socket.localPort!;
      const pipe = new Pipe(transport, upstream, () => this.#pipes.delete(port));
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
      for (const arrival of this.#arrivals) {
        if (nowMs - arrival.sinceMs < handshakeTimeoutMs) break;
        this.#arrivals.delete(arrival);
        arrival.refuse("408 Request Timeout", "The request took too long");
      }
    }
    if (pipeIdleTimeoutMs > 0) {
      for (const { pipe } of this.#pipes.values()) {
        if (nowMs - pipe.lastCopyMs >= pipeIdleTimeoutMs) pipe.end();
      }
    }
  }
}

/** A connection of which nothing is known yet but where it comes from. */
class Arrival implements Receiver {
  readonly transport: Transport;
  readonly address: string;
  readonly sinceMs = performance.now();
  readonly #options: ArrivalOptions;
  readonly #head = new HeadReader(MAX_HEAD_BYTES);
  #lingering: ReturnType<typeof setTimeout> | undefined;

  constructor(transport: Transport, address: string, options: ArrivalOptions) {
    this.transport = transport;
    this.address = address;
    this.#options = options;
    transport.receiver = this;
  }

  /** Everything that has come. */
  get received(): Uint8Array {
    return this.#head.bytes;
  }

  onData(bytes: Uint8Array): void {
    if (this.#lingering !== undefined) return;
    try {
      const parts = this.#head.push(bytes);
      if (parts) this.#options.onHead(parts.head, parts.rest);
    } catch (error) {
      if (!(error instanceof HeadTooLongError)) throw error;
      this.refuse("431 Request Header Fields Too Large", error.message);
    }
  }

  onEnd(): void {
    this.transport.destroy();
  }

  onGone(error: Error | undefined): void {
    clearTimeout(this.#lingering);
    this.#options.onGone(error);
  }

  /** Says goodbye, if the client still listens: it may be gone, or have not even finished its TLS handshake. */
  refuse(status: string, message: string): void {
    const response = new TextEncoder().encode(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${message}\n`,
    );
    if (this.transport.write(response, () => this.transport.end())) this.transport.end();
    this.#lingering = setTimeout(() => this.transport.reset(), LINGER_MS);
  }
}

interface ArrivalOptions {
  /** The head of the first request is whole; `rest` has come in behind it. */
  readonly onHead: (head: Uint8Array, rest: Uint8Array) => void;
  readonly onGone: (error: Error | undefined) => void;
}

/** The receiver of a transport from which nothing is expected. */
const NOBODY: Receiver = { onData: () => {}, onEnd: () => {}, onGone: () => {} };
