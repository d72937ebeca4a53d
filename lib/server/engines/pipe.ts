import { isDeadlineOver } from "../../websocket/heartbeat.ts";
import type { Transport, TransportListener } from "../../websocket/transport/transport.ts";
import { BodyFraming } from "./body_framing.ts";
import { RequestError, type RequestHead } from "./request_head.ts";
import { ResponseReader } from "./response_reader.ts";

/** The deadlines of a pipe, in milliseconds; 0 disables one. */
export interface PipeTimeouts {
  /** The time from the first to the last byte of a request. */
  readonly requestTimeoutMs: number;
  /** The time that a client may read nothing of a response. */
  readonly stallTimeoutMs: number;
  /** The time that an HTTP/2 connection may be idle. */
  readonly keepAliveMs: number;
}

/** Handles the events of a {@linkcode Pipe}. Each but the last returns the client's transport. */
export interface PipeListener {
  /** The response is whole. The next request may come; it begins with `rest`. */
  onIdle(rest: Uint8Array): void;
  /** The body of the request is malformed or late. Nothing of a response has been sent. */
  onFault(error: RequestError): void;
  /** The client reads nothing of the response, and its connection will be reset. */
  onStalled(): void;
  /** The response is malformed, and the client's connection will be reset. */
  onBadResponse(error: unknown): void;
  /** The client gets nothing more. */
  onEnd(): void;
  /** The client has disconnected. */
  onGone(error: Error | undefined): void;
  /** The connection to the upstream has closed. Called once; it may be the last event. */
  onClosed(): void;
}

/** A request whose head is whole. */
export interface PipedRequest {
  readonly head: RequestHead;
  /** The head and what was received after it. */
  readonly bytes: Uint8Array;
  readonly headLength: number;
  /** When the first byte arrived. */
  readonly sinceMs: number;
}

/**
 * Passes the requests of a client on to the private `Deno.serve`, one at a time, and the responses
 * back.
 *
 * ```text
 * idle ──exchange()──▶ exchange ──response whole──▶ idle
 *   └───────────────────────┴──one side has closed, last response, fault──▶ over
 * ```
 *
 * One at a time, so that every response has been sent when an upgrade leaves the pipe or a request
 * is refused. Closing the upstream's side earlier is no alternative: `Deno.serve` then aborts the
 * responses under way.
 */
export class Pipe {
  readonly #client: Transport;
  readonly #upstream: Transport;
  readonly #listener: PipeListener;
  readonly #timeouts: PipeTimeouts;
  readonly #clientListener: TransportListener = {
    onData: (bytes) => this.#onRequestBytes(bytes, 0),
    onWritten: () => this.#onWritten(),
    onEnd: () => this.#onClientEnd(),
    onGone: (error) => {
      this.close();
      this.#listener.onGone(error);
    },
  };
  #state: "idle" | "exchange" | "over" = "idle";
  #body!: BodyFraming;
  #response!: ResponseReader;
  #isHttp2 = false;
  /** What was received after the request. While there is any, the client is not read from. */
  #rest: Uint8Array = NOTHING;
  #requestSinceMs = 0;
  /** Whether a write to the upstream is under way. */
  #isSending = false;
  /** Since when a write to the client has been under way. */
  #writingSinceMs: number | undefined;
  #hasUpstreamEnded = false;
  /** The number of requests that the handler of `Deno.serve` has not completed. */
  #openCount = 0;
  /** When the upstream last sent or completed something. */
  #lastResponseMs = performance.now();
  /** Whether the client has ended its side. It may still have sent requests before. */
  hasClientEnded = false;

  constructor(
    client: Transport,
    upstream: Transport,
    options: { readonly listener: PipeListener; readonly timeouts: PipeTimeouts },
  ) {
    this.#client = client;
    this.#upstream = upstream;
    this.#listener = options.listener;
    this.#timeouts = options.timeouts;
    upstream.listener = {
      onData: (bytes) => this.#onResponseBytes(bytes),
      onWritten: () => this.#onSent(),
      onEnd: () => {
        this.#hasUpstreamEnded = true;
        if (this.#isBodyRejected()) this.#fault(new RequestError(400, MALFORMED_BODY));
        else if (this.#writingSinceMs === undefined) this.#end();
      },
      onGone: () => {
        if (this.#isBodyRejected()) this.#fault(new RequestError(400, MALFORMED_BODY));
        else if (this.#state !== "exchange") this.#end();
        else if (this.#writingSinceMs !== undefined) this.#client.reset();
        else this.#client.destroy();
        this.#listener.onClosed();
      },
    };
  }

  /** Passes a request on. The pipe must be idle. It owns the client's transport from now on. */
  exchange({ head, bytes, headLength, sinceMs }: PipedRequest): void {
    this.#state = "exchange";
    this.#body = new BodyFraming(head.bodyLength);
    this.#response = new ResponseReader(head);
    this.#isHttp2 = head.version === "HTTP/2.0";
    this.#requestSinceMs = sinceMs;
    this.#rest = NOTHING;
    this.#client.listener = this.#clientListener;
    this.#onRequestBytes(bytes, headLength);
    if (this.#canRead()) this.#client.resume();
  }

  /**
   * Counts a request that has reached the handler of `Deno.serve`, until it is completed. Only
   * HTTP/2 needs the count.
   */
  count(completed: Promise<void>): void {
    if (!this.#isHttp2) return;
    this.#openCount++;
    const onCompleted = () => {
      this.#openCount--;
      this.#lastResponseMs = performance.now();
    };
    completed.then(onCompleted, onCompleted);
  }

  /** Enforces the deadlines of an exchange. */
  check(nowMs: number): void {
    if (this.#state !== "exchange") return;
    const { requestTimeoutMs, stallTimeoutMs, keepAliveMs } = this.#timeouts;
    const isOver = (sinceMs: number, limitMs: number) => isDeadlineOver(nowMs, sinceMs, limitMs);
    if (this.#writingSinceMs !== undefined) {
      if (!isOver(this.#writingSinceMs, stallTimeoutMs)) return;
      this.#listener.onStalled();
      this.#client.reset();
    } else if (this.#isHttp2) {
      if (this.#openCount === 0 && isOver(this.#lastResponseMs, keepAliveMs)) this.#end();
    } else if (!this.#body.isWhole && !this.#response.hasBegun) {
      if (isOver(this.#requestSinceMs, requestTimeoutMs)) {
        this.#fault(new RequestError(408, "The request took too long", { limit: "request_time" }));
      }
    }
  }

  /** Ends the connection to the upstream at once. Calling it twice is harmless. */
  close(): void {
    this.#state = "over";
    this.#upstream.destroy();
  }

  /** @param from Where the body of the request, or the rest of it, begins in `bytes`. */
  #onRequestBytes(bytes: Uint8Array, from: number): void {
    let end: number;
    try {
      end = this.#body.read(bytes, from);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return this.#fault(new RequestError(400, error.message));
    }
    this.#rest = end < bytes.length ? bytes.slice(end) : NOTHING;
    // The bytes are lent, and the write may outlive this call.
    if (end > 0) this.#isSending = !this.#upstream.write(bytes.slice(0, end));
    if (!this.#canRead()) this.#client.pause();
  }

  #onSent(): void {
    this.#isSending = false;
    if (this.#state !== "exchange") return;
    if (this.#canRead()) this.#client.resume();
    this.#settle();
  }

  #canRead(): boolean {
    return !this.#isSending && this.#rest.length === 0 && !this.#isAnsweredEarly();
  }

  /** Whether a response has begun before the request is whole. Then the rest of it is dropped. */
  #isAnsweredEarly(): boolean {
    return this.#response.hasBegun && !this.#body.isWhole && !this.#isHttp2;
  }

  /** Whether `Deno.serve` has closed instead of responding, because it cannot read the body. */
  #isBodyRejected(): boolean {
    return this.#state === "exchange" && !this.#response.hasBegun &&
      (this.#body.isChunked || !this.#body.isWhole);
  }

  #onClientEnd(): void {
    this.hasClientEnded = true;
    // The handler notices that the request is not whole.
    if (!this.#body.isWhole) this.#upstream.end();
    this.#settle();
  }

  #onResponseBytes(bytes: Uint8Array): void {
    if (this.#state !== "exchange") return this.#end();
    this.#lastResponseMs = performance.now();
    try {
      this.#response.read(bytes);
    } catch (error) {
      // The end of the response cannot be found.
      this.#listener.onBadResponse(error);
      return this.#client.reset();
    }
    if (this.#isAnsweredEarly()) this.#client.pause();
    // The bytes are lent here, too.
    if (!this.#client.write(bytes.slice())) {
      this.#writingSinceMs = performance.now();
      this.#upstream.pause();
    }
    this.#settle();
  }

  #onWritten(): void {
    this.#writingSinceMs = undefined;
    if (this.#state !== "exchange") return;
    if (this.#hasUpstreamEnded) return this.#end();
    this.#upstream.resume();
    this.#settle();
  }

  /** Ends the exchange if it is complete. */
  #settle(): void {
    const { isWhole, isLast, isEventStream } = this.#response;
    const hasLeft = this.hasClientEnded && (isEventStream || (isWhole && this.#rest.length === 0));
    if (this.#writingSinceMs === undefined && hasLeft) return this.#end();
    if (this.#isSending || this.#writingSinceMs !== undefined || !isWhole) return;
    if (isLast || !this.#body.isWhole) return this.#end();
    this.#state = "idle";
    this.#listener.onIdle(this.#rest);
  }

  #end(): void {
    if (this.#state === "over") return;
    this.close();
    this.#listener.onEnd();
  }

  #fault(error: RequestError): void {
    // Only one write may be under way: the client has not even read the earlier responses.
    if (this.#writingSinceMs !== undefined) return this.#client.reset();
    this.close();
    this.#listener.onFault(error);
  }
}

const NOTHING = new Uint8Array(0);

const MALFORMED_BODY = "The body of the request is malformed or not whole";
