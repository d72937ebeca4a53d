import type { Logger } from "@logtape/logtape";
import { HeadTooLongError, parseHead, readHead } from "../websocket/http_head.ts";
import { formatAddress } from "./address.ts";
import type { IncomingRequest, Verdict } from "./admission.ts";
import { withinMs } from "./within.ts";

/** The longest head of a first request. */
const MAX_HEAD_BYTES = 16 * 1024;

const PIPE_BUFFER_BYTES = 16 * 1024;

/** How long a client may take to read the end of the last answer and to end its side too. */
const LINGER_MS = 1000;

const LOOPBACK = "127.0.0.1";

/** A client behind a pipe. */
export interface PipedClient {
  /** Where it really comes from. */
  readonly address: string;
  /** Ends its TCP connection, whatever it is waiting for. */
  readonly end: () => void;
}

interface Pipe extends PipedClient {
  lastCopyMs: number;
}

/** What the front door needs from the composition root. */
export interface FrontDoorOptions {
  readonly listener: Deno.Listener<Deno.TcpConn> | Deno.Listener<Deno.TlsConn>;
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
  readonly serve: (conn: Deno.Conn, key: string, received: Uint8Array, address: string) => void;
  readonly logger: Logger;
}

/**
 * Accepts every connection and reads the head of its first request. If that is an upgrade that is admitted to the chat, the
 * direct engine takes the connection over. Anything else, every refusal included, is piped byte for byte to the private
 * `Deno.serve`, which judges by the same rules.
 */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  /** The pipes by their local port. */
  readonly #pipes = new Map<number, Pipe>();
  #reaper: ReturnType<typeof setInterval> | undefined;
  /** The connections of which the door has not yet let go. */
  readonly #connections = new Set<Deno.Conn>();

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  /** Accepts connections until {@linkcode close}. */
  async open(): Promise<void> {
    const { listener, logger } = this.#options;
    for (let isFailing = false;;) {
      try {
        const conn: Deno.Conn = await listener.accept();
        isFailing = false;
        this.#welcome(conn);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        // One connection that ends while it is accepted, or a moment without file descriptors, is not the end of all.
        if (error instanceof Deno.errors.Interrupted) return;
        if (!isFailing) {
          logger.warning("Cannot accept a connection: {error}", { error: String(error) });
        }
        isFailing = true;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  /** Accepts nobody any more. */
  close(): void {
    this.#options.listener.close();
  }

  /** Ends the connections that are at the door or piped through it. */
  closeConnections(): void {
    for (const conn of this.#connections) this.#end(conn);
    clearInterval(this.#reaper);
  }

  /** The client whose pipe comes from this address; undefined if none does: a stranger. */
  clientAt({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): PipedClient | undefined {
    return hostname === LOOPBACK ? this.#pipes.get(port) : undefined;
  }

  async #welcome(conn: Deno.Conn): Promise<void> {
    this.#connections.add(conn);
    try {
      if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
      const isKept = await this.#greet(conn);
      if (isKept) this.#connections.delete(conn);
      else this.#end(conn);
    } catch (error) {
      // The client has gone, or a pipe has broken: there is nobody left to tell.
      this.#options.logger.debug("A connection broke off at the front door: {error}", {
        error: String(error),
      });
      this.#end(conn);
    }
  }

  /** @returns Whether the connection lives on with somebody else. */
  async #greet(conn: Deno.Conn): Promise<boolean> {
    const address = formatAddress(conn.remoteAddr as Deno.NetAddr);
    const first = await this.#readFirstHead(conn);
    if (!first) return false;
    const { bytes, headEnd } = first;
    const key = this.#admittedKey(bytes.subarray(0, headEnd));
    if (key === undefined) {
      await this.#pipe(conn, bytes, address);
      return false;
    }
    // In the same turn as the verdict, so that the place it was given is taken.
    this.#options.serve(conn, key, bytes.subarray(headEnd), address);
    return true;
  }

  async #readFirstHead(conn: Deno.Conn) {
    const { handshakeTimeoutMs } = this.#options;
    let isLate = false;
    const timer = handshakeTimeoutMs > 0
      ? setTimeout(() => {
        isLate = true;
        refuse(conn, "408 Request Timeout", "The request took too long").then(() =>
          this.#end(conn)
        );
      }, handshakeTimeoutMs)
      : undefined;
    try {
      return await readHead(conn, MAX_HEAD_BYTES);
    } catch (error) {
      if (isLate) return undefined;
      if (!(error instanceof HeadTooLongError)) throw error;
      await refuse(conn, "431 Request Header Fields Too Large", error.message);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
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

  async #pipe(conn: Deno.Conn, received: Uint8Array, address: string): Promise<void> {
    const { upstreamPort, maxPipes, pipeIdleTimeoutMs } = this.#options;
    if (this.#pipes.size >= maxPipes) {
      return refuse(conn, "503 Service Unavailable", "The server is full: try again later");
    }
    const upstream = await Deno.connect({ hostname: LOOPBACK, port: upstreamPort });
    const { port } = upstream.localAddr;
    const end = () => {
      this.#end(upstream);
      this.#end(conn);
    };
    const pipe: Pipe = { address, end, lastCopyMs: performance.now() };
    this.#pipes.set(port, pipe);
    this.#connections.add(upstream);
    if (pipeIdleTimeoutMs > 0) {
      this.#reaper ??= setInterval(() => this.#reap(), Math.min(1000, pipeIdleTimeoutMs / 4));
    }
    try {
      await writeAll(upstream, received);
      // What breaks off on one way ends the other.
      const request = copy(conn, upstream, pipe).catch(() => this.#end(upstream));
      await copy(upstream, conn, pipe);
      await withinMs(LINGER_MS, request);
    } finally {
      this.#end(upstream);
      this.#pipes.delete(port);
    }
  }

  /** Ends the pipes through which nothing has gone for too long. */
  #reap(): void {
    const idleSinceMs = performance.now() - this.#options.pipeIdleTimeoutMs;
    for (const { lastCopyMs, end } of this.#pipes.values()) if (lastCopyMs <= idleSinceMs) end();
  }

  #end(conn: Deno.Conn): void {
    if (this.#connections.delete(conn)) conn.close();
  }
}

/** Copies until the source ends, and passes the end on. */
async function copy(from: Deno.Conn, to: Deno.Conn, pipe: Pipe): Promise<void> {
  const buffer = new Uint8Array(PIPE_BUFFER_BYTES);
  for (let read; (read = await from.read(buffer)) !== null;) {
    pipe.lastCopyMs = performance.now();
    await writeAll(to, buffer.subarray(0, read));
  }
  await to.closeWrite();
}

/** Says goodbye, if the client still listens: it may be gone, or have not even finished its TLS handshake. */
async function refuse(conn: Deno.Conn, status: string, message: string): Promise<void> {
  const response = new TextEncoder().encode(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${message}\n`,
  );
  await withinMs(LINGER_MS, writeAll(conn, response).catch(() => {}));
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
