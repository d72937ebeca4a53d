import { HeadReader, HeadTooLongError } from "../../websocket/http_head.ts";
import type { Transport, TransportListener } from "../../websocket/transport.ts";

/** The maximum size of the first request's head. */
const MAX_HEAD_BYTES = 16 * 1024;

/** The first byte of a client that speaks TLS to a plain server (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** Time for a refused client to read the response. */
const LINGER_MS = 1000;

/** Receives the events of a {@linkcode PendingConnection}. */
export interface PendingConnectionListener {
  /** The head of the first request is complete; `rest` is what was received after it. */
  onHead(pending: PendingConnection, head: Uint8Array, rest: Uint8Array): void;
  /** The connection was closed before it was handed over. */
  onGone(pending: PendingConnection, error: Error | undefined): void;
}

/**
 * An accepted connection whose first request is not known yet.
 *
 * ```text
 * reading ──head complete──▶ handed over
 *    └─too long, too late, too many──▶ refused ──response read, or time is up──▶ gone
 * ```
 */
export class PendingConnection implements TransportListener {
  readonly transport: Transport;
  readonly address: string;
  readonly sinceMs = performance.now();
  readonly #listener: PendingConnectionListener;
  readonly #head = new HeadReader(MAX_HEAD_BYTES);
  #lingering: ReturnType<typeof setTimeout> | undefined;
  /** Whether the head of the first request is still incomplete. */
  isReading = true;

  constructor(transport: Transport, address: string, listener: PendingConnectionListener) {
    this.transport = transport;
    this.address = address;
    this.#listener = listener;
    transport.listener = this;
  }

  /** All bytes received so far. */
  get received(): Uint8Array {
    return this.#head.bytes;
  }

  onData(bytes: Uint8Array): void {
    if (!this.isReading) return;
    try {
      const parts = this.#head.push(bytes);
      if (!parts) {
        if (this.received[0] === TLS_HANDSHAKE) {
          this.refuse("400 Bad Request", "This server has no certificate: use http:// or ws://");
        }
        return;
      }
      this.isReading = false;
      this.#listener.onHead(this, parts.head, parts.rest);
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
    this.#listener.onGone(this, error);
  }

  /**
   * Sends an error response and closes the connection, by a reset if the client does not.
   *
   * @param fields More header fields, such as `Retry-After: 10`.
   */
  refuse(status: string, message: string, ...fields: readonly string[]): void {
    this.isReading = false;
    const response = new TextEncoder().encode(
      [
        `HTTP/1.1 ${status}`,
        "Content-Type: text/plain; charset=utf-8",
        "Connection: close",
        ...fields,
        "",
        `${message}\n`,
      ].join("\r\n"),
    );
    this.transport.write(response, () => {});
    this.transport.end();
    this.#lingering = setTimeout(() => this.transport.reset(), LINGER_MS);
  }
}
