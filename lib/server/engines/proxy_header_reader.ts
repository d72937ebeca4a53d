import { isDeadlineOver } from "../../websocket/heartbeat.ts";
import type { Transport, TransportListener } from "../../websocket/transport/transport.ts";
import { parseProxyHeader, type Source } from "./proxy_protocol.ts";

/** What a {@linkcode ProxyHeaderReader} reports: one of the two. */
export interface ProxyHeaderListener {
  /**
   * The connection has no header of the PROXY protocol, or the header is whole.
   *
   * @param source The client's address; undefined if the header tells none.
   * @param rest The bytes after the header. They are lent.
   */
  onRead(source: Source | undefined, rest: Uint8Array): void;
  /** The connection has ended before. */
  onGone(error: Error | undefined): void;
}

/**
 * Reads the header of the PROXY protocol from the beginning of a proxy's connection. It closes the
 * connection if the header is malformed or late.
 */
export class ProxyHeaderReader implements TransportListener {
  readonly transport: Transport;
  readonly #timeoutMs: number;
  readonly #listener: ProxyHeaderListener;
  readonly #sinceMs = performance.now();
  #bytes: Uint8Array = new Uint8Array(0);
  #error: Error | undefined;

  /** @param timeoutMs The time for the whole header; 0 if there is no limit. */
  constructor(transport: Transport, timeoutMs: number, listener: ProxyHeaderListener) {
    this.transport = transport;
    this.#timeoutMs = timeoutMs;
    this.#listener = listener;
    transport.listener = this;
  }

  onData(bytes: Uint8Array): void {
    if (this.#error) return;
    const before = this.#bytes.length;
    const all = new Uint8Array(before + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, before);
    const result = parseProxyHeader(all);
    switch (result.kind) {
      case "partial":
        this.#bytes = all;
        return;
      case "malformed":
        return this.#fail(result.reason);
      case "none":
        return this.#listener.onRead(undefined, all);
      case "header":
        return this.#listener.onRead(result.source, all.subarray(result.length));
    }
  }

  onWritten(): void {}

  onEnd(): void {
    this.transport.destroy();
  }

  onGone(error: Error | undefined): void {
    this.#listener.onGone(this.#error ?? error);
  }

  /** Enforces the deadline. */
  check(nowMs: number): void {
    if (isDeadlineOver(nowMs, this.#sinceMs, this.#timeoutMs)) {
      this.#fail("The client took too long");
    }
  }

  #fail(reason: string): void {
    this.#error = new Error(reason);
    this.transport.destroy();
  }
}
