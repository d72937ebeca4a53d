import { HeadReader, HeadTooLongError } from "../../websocket/http_head.ts";
import type { Transport, TransportListener } from "../../websocket/transport.ts";

/** The longest head of a first request. */
const MAX_HEAD_BYTES = 16 * 1024;

/** How long a client that has been refused may take to read the answer. */
const LINGER_MS = 1000;

/** What an pending tells the gateway. */
export interface PendingConnectionListener {
  /** The head of the first request is whole; `rest` has come in behind it. */
  onHead(pending: PendingConnection, head: Uint8Array, rest: Uint8Array): void;
  /** It has gone before it was handed over. */
  onGone(pending: PendingConnection, error: Error | undefined): void;
}

/**
 * A connection of which nothing is known yet but where it comes from.
 *
 * ```text
 * reading ──its head is whole──▶ handed over
 *    └─too long, too late, no room──▶ refused ──it has read that, or its time is over──▶ gone
 * ```
 */
export class PendingConnection implements TransportListener {
  readonly transport: Transport;
  readonly address: string;
  readonly sinceMs = performance.now();
  readonly #listener: PendingConnectionListener;
  readonly #head = new HeadReader(MAX_HEAD_BYTES);
  #lingering: ReturnType<typeof setTimeout> | undefined;
  /** Whether its first request is still being read. */
  isReading = true;

  constructor(transport: Transport, address: string, listener: PendingConnectionListener) {
    this.transport = transport;
    this.address = address;
    this.#listener = listener;
    transport.listener = this;
  }

  /** Everything that has come. */
  get received(): Uint8Array {
    return this.#head.bytes;
  }

  onData(bytes: Uint8Array): void {
    if (!this.isReading) return;
    try {
      const parts = this.#head.push(bytes);
      if (!parts) return;
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

  /** Says goodbye, if the client still listens: it may be gone, or have not even finished its TLS handshake. */
  refuse(status: string, message: string): void {
    this.isReading = false;
    const response = new TextEncoder().encode(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${message}\n`,
    );
    this.transport.write(response, () => {});
    this.transport.end();
    this.#lingering = setTimeout(() => this.transport.reset(), LINGER_MS);
  }
}
