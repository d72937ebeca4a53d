import type { Logger } from "@logtape/logtape";
import { handshakeResponse } from "../websocket/handshake.ts";
import { HeadTooLongError, parseHead, readHead } from "../websocket/http_head.ts";
import { formatAddress } from "./address.ts";
import type { IncomingRequest, Verdict } from "./admission.ts";
import { withinMs } from "./within.ts";

/** The longest head of a first request. */
const MAX_HEAD_BYTES = 16 * 1024;

const PIPE_BUFFER_BYTES = 16 * 1024;

/** How long a client may take to read the end of the last answer and to end its side too. */
const LINGER_MS = 1000;

/** What the front door needs from the composition root. */
export interface FrontDoorOptions {
  readonly listener: Deno.Listener<Deno.TcpConn> | Deno.Listener<Deno.TlsConn>;
  /** Where the private `Deno.serve` listens, on loopback. */
  readonly upstreamPort: number;
  /** How long a client may take to finish the head of its first request; 0 is for ever. */
  readonly handshakeTimeoutMs: number;
  readonly admit: (request: IncomingRequest) => Verdict;
  /** Takes over a connection whose handshake is complete, with what has come in behind it. */
  readonly serve: (conn: Deno.Conn, received: Uint8Array, address: string) => void;
  readonly logger: Logger;
}

/**
 * Accepts every connection and reads the head of its first request. If that is an upgrade that is admitted to the chat, the
 * direct engine takes the connection over. Anything else, every refusal included, is piped byte for byte to the private
 * `Deno.serve`, which judges by the same rules.
 */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  /** The clients of the piped connections, by the local port of the pipe. */
  readonly #addresses = new Map<number, string>();
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
  }

  /** The client whose pipe comes from this local port; undefined if none does: a stranger. */
  addressOf(port: number): string | undefined {
    return this.#addresses.get(port);
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
    await writeAll(conn, handshakeResponse(key));
    this.#options.serve(conn, bytes.subarray(headEnd), address);
    return true;
  }

  async #readFirstHead(conn: Deno.Conn) {
    const { handshakeTimeoutMs } = this.#options;
    let isLate = false;
    const timer = handshakeTimeoutMs > 0
      ? setTimeout(() => {
        isLate = true;
        refuse(conn, "408 Request Timeout", "The request took too long").finally(() =>
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
    const { upstreamPort } = this.#options;
    const upstream = await Deno.connect({ hostname: "127.0.0.1", port: upstreamPort });
    const { port } = upstream.localAddr;
    this.#addresses.set(port, address);
    this.#connections.add(upstream);
    try {
      await writeAll(upstream, received);
      // What breaks off on one way ends the other.
      const request = copy(conn, upstream).catch(() => this.#end(upstream));
      await copy(upstream, conn);
      await withinMs(LINGER_MS, request);
    } finally {
      this.#end(upstream);
      this.#addresses.delete(port);
    }
  }

  #end(conn: Deno.Conn): void {
    if (this.#connections.delete(conn)) conn.close();
  }
}

/** Copies until the source ends, and passes the end on. */
async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(PIPE_BUFFER_BYTES);
  for (let read; (read = await from.read(buffer)) !== null;) {
    await writeAll(to, buffer.subarray(0, read));
  }
  await to.closeWrite();
}

async function refuse(conn: Deno.Conn, status: string, message: string): Promise<void> {
  await writeAll(
    conn,
    new TextEncoder().encode(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${message}\n`,
    ),
  );
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
