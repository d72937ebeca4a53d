import { isStatus, STATUS_TEXT } from "@std/http/status";
import { isDeadlineOver } from "../../websocket/heartbeat.ts";
import { HeadReader, HeadTooLongError } from "../../websocket/http_head.ts";
import type { Transport, TransportListener } from "../../websocket/transport/transport.ts";
import { plainText, type TextResponse } from "../http/api_response.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "../http/request_id.ts";
import type { Peer } from "../http/guard.ts";
import type { Pipe, PipedRequest, PipeTimeouts } from "./pipe.ts";
import { parseRequestHead, RequestError } from "./request_head.ts";

/** The first byte of a client that speaks TLS to a plain server (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** Time for a client to read the last response. */
const LINGER_MS = 1000;

/** The deadlines of a connection in the gateway, in milliseconds; 0 disables one. */
export interface HttpTimeouts extends PipeTimeouts {
  /** The time from accepting a connection to the end of its first head. */
  readonly handshakeTimeoutMs: number;
}

/** Receives the events of an {@linkcode HttpConnection}. */
export interface HttpConnectionListener {
  /** The head of a request is whole. */
  onRequest(connection: HttpConnection, request: PipedRequest): void;
  /** A request is refused with this status, because it is not valid HTTP, or late. */
  onMalformed(error: RequestError): void;
  /** The connection has ended. */
  onGone(connection: HttpConnection, error: Error | undefined): void;
}

/** What all connections of a gateway share. */
export interface HttpConnectionOptions {
  readonly listener: HttpConnectionListener;
  readonly timeouts: HttpTimeouts;
  /** The maximum size of a request's head. */
  readonly maxHeadBytes: number;
}

/**
 * A client's connection in the gateway: it reads the heads of requests, and closes the connection.
 *
 * ```text
 *  ┌──────── the response is whole ───────┐
 *  ▼                                      │
 * reading ──head whole──▶ dispatched ─┬─▶ piped ──last response──▶ closing
 *  └─malformed, late──▶ closing       └─▶ handed over to the direct engine
 * ```
 */
export class HttpConnection implements TransportListener {
  readonly transport: Transport;
  readonly peer: Peer;
  readonly #options: HttpConnectionOptions;
  #state: "reading" | "dispatched" | "closing" = "reading";
  #head: HeadReader;
  /** When the connection was accepted, or became idle. */
  #sinceMs = performance.now();
  /** When the first byte of an incomplete head arrived. */
  #firstByteMs: number | undefined;
  /** The `X-Request-Id` of the request; null if it has none, undefined until its head is whole. */
  #givenId: string | null | undefined;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  /** The pipe that the connection has had since its first piped request. */
  pipe: Pipe | undefined;

  constructor(transport: Transport, peer: Peer, options: HttpConnectionOptions) {
    this.transport = transport;
    this.peer = peer;
    this.#options = options;
    this.#head = new HeadReader(options.maxHeadBytes);
    transport.listener = this;
  }

  onData(bytes: Uint8Array): void {
    if (this.#state !== "reading") return;
    try {
      if (this.#head.bytes.length === 0 && bytes[0] === TLS_HANDSHAKE) {
        throw new RequestError(400, "This is a TLS handshake, not HTTP: use http:// or ws://");
      }
      const parts = this.#head.push(bytes);
      if (!parts) {
        if (this.#head.bytes.length > 0) this.#firstByteMs ??= performance.now();
        return;
      }
      const head = parseRequestHead(parts.head);
      if (head.version === "HTTP/2.0" && this.pipe) {
        throw new RequestError(505, "A connection of HTTP/1.1 cannot go on with HTTP/2");
      }
      this.#state = "dispatched";
      this.#givenId = head.headers.get(REQUEST_ID_HEADER);
      this.#options.listener.onRequest(this, {
        head,
        bytes: this.#head.bytes,
        headLength: parts.head.length,
        sinceMs: this.#firstByteMs ?? performance.now(),
      });
    } catch (error) {
      if (error instanceof RequestError) this.refuse(error);
      else if (error instanceof HeadTooLongError) {
        this.refuse(new RequestError(431, error.message, { limit: "head_size" }));
      } else throw error;
    }
  }

  onWritten(): void {}

  onEnd(): void {
    this.transport.destroy();
  }

  onGone(error: Error | undefined): void {
    clearTimeout(this.#lingering);
    this.pipe?.close();
    this.#options.listener.onGone(this, error);
  }

  /** Reads the next request, which begins with `received`. */
  readNext(received: Uint8Array): void {
    this.transport.listener = this;
    this.#state = "reading";
    this.#givenId = undefined;
    this.#head = new HeadReader(this.#options.maxHeadBytes);
    this.#sinceMs = performance.now();
    this.#firstByteMs = undefined;
    // Before the next line, which may give the transport away.
    this.transport.resume();
    if (received.length > 0) this.onData(received);
    if (this.pipe?.hasClientEnded && this.#state === "reading") this.onEnd();
  }

  /**
   * Enforces the deadlines.
   *
   * @returns Whether it has refused a request that is late.
   */
  check(nowMs: number): boolean {
    if (this.#state === "dispatched") this.pipe?.check(nowMs);
    if (this.#state !== "reading") return false;
    const { handshakeTimeoutMs, requestTimeoutMs, keepAliveMs } = this.#options.timeouts;
    const isOver = (sinceMs: number | undefined, limitMs: number) =>
      isDeadlineOver(nowMs, sinceMs, limitMs);
    const isFirst = this.pipe === undefined;
    const limit = isOver(this.#firstByteMs, requestTimeoutMs)
      ? "request_time"
      : isFirst && isOver(this.#sinceMs, handshakeTimeoutMs)
      ? "handshake_time"
      : undefined;
    if (limit) {
      this.refuse(new RequestError(408, "The request took too long", { limit }));
      return true;
    }
    if (
      !isFirst && this.#firstByteMs === undefined && isOver(this.#sinceMs, keepAliveMs)
    ) {
      this.transport.destroy();
    }
    return false;
  }

  /** Sends an error response and closes the connection. */
  refuse(error: RequestError): void {
    const { status, message } = error;
    this.#options.listener.onMalformed(error);
    const given = this.#givenId;
    const headers = given === undefined
      ? {}
      : { [REQUEST_ID_HEADER]: requestIdOf({ get: () => given }) };
    this.respond(plainText(status, message, headers));
  }

  /** Sends a response and closes the connection. */
  respond({ status, headers, body }: TextResponse): void {
    const title = isStatus(status) ? STATUS_TEXT[status] : "";
    const fields = { ...headers, connection: "close" };
    const response = [
      `HTTP/1.1 ${status} ${title}`,
      ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
      "",
      body,
    ].join("\r\n");
    this.transport.write(new TextEncoder().encode(response));
    this.end();
  }

  /** Closes the connection after what has been sent. */
  end(): void {
    this.#state = "closing";
    this.pipe?.close();
    this.transport.listener = this;
    this.transport.end();
    // Reads and drops further bytes of the client. Otherwise a reset could discard the response.
    this.transport.resume();
    this.#lingering = setTimeout(() => this.transport.destroy(), LINGER_MS);
  }
}
