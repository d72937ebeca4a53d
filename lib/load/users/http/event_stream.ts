import { createParser, type EventSourceMessage } from "eventsource-parser";
import { request as httpRequest } from "node:http";
import type { Readable } from "node:stream";
import { printable } from "../../../cli/printable.ts";
import type { CloseStatus } from "../../../websocket/close_frame.ts";
import { OPCODE } from "../../../websocket/frame.ts";
import { LONGEST_TIMER_MS } from "../../delay.ts";
import { findMarker } from "../../measure/ledger/marker.ts";
import { certificateFailure, isCertificateError } from "../connection/certificate_failure.ts";
import type { Attempt, ConnectOptions, Target } from "../connection/connect.ts";
import {
  eventStreamFailure,
  eventStreamRefusal,
  eventStreamTimeout,
} from "./event_stream_failure.ts";
import { connectForHttp } from "./http_connection.ts";
import { roomUrl } from "./room_url.ts";

/** The size limit of an event, in UTF-16 code units: that of a WebSocket message, in bytes. */
const MAX_EVENT_LENGTH = 64 * 1024 * 1024;

/**
 * Opens a stream of server-sent events, for a user that only listens.
 *
 * It does not throw if it fails: a failure is a result that the load run counts.
 */
export function openEventStream(
  target: Target,
  options: ConnectOptions,
): Promise<Attempt<EventStream>> {
  const { timeoutMs, signal, user } = options;
  if (signal.aborted) return Promise.resolve({ aborted: true });
  const attempt = Promise.withResolvers<Attempt<EventStream>>();
  const url = roomUrl(user.url, "events");
  const request = httpRequest({
    path: url.pathname + url.search,
    // A server may answer a request that accepts only events with a short stream, and not with an
    // error status: browsers reconnect only then. This client needs the status.
    headers: { host: url.host, accept: "*/*", ...user.headers },
    createConnection: () => connectForHttp(target, options.user.id),
  });

  const end = (result: Attempt<EventStream> | Promise<Attempt<EventStream>>) => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    attempt.resolve(result);
    if (!("connection" in result)) request.destroy();
  };
  const abort = () => end({ aborted: true });
  const timer = setTimeout(
    () => end({ failure: eventStreamTimeout(target.url, timeoutMs) }),
    Math.min(timeoutMs, LONGEST_TIMER_MS),
  );
  signal.addEventListener("abort", abort);

  request.once("response", (response) => {
    const { statusCode = 0, headers } = response;
    const failure = eventStreamRefusal(target.url, statusCode, headers["content-type"] ?? "");
    end(failure ? { failure } : { connection: new EventStream(response, options) });
  });
  // Only the first error tells why: ending the request causes another one.
  request.on("error", (error) => {
    if (!isCertificateError(error)) return end({ failure: eventStreamFailure(target.url, error) });
    end(certificateFailure(target, error, timeoutMs).then((failure) => ({ failure })));
  });
  request.end();
  return attempt.promise;
}

const ENDED = "the server ended the event stream";
const BROKEN = "the event stream broke off";

/** An open stream of events. */
export class EventStream {
  /**
   * Resolves when the stream has ended. It has no close code: the code is 1000 if this side ended
   * it, and otherwise 1006.
   */
  readonly closed: Promise<CloseStatus>;
  readonly #response: Readable;
  readonly #closed = Promise.withResolvers<CloseStatus>();
  readonly #onMessage: ConnectOptions["onMessage"];
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({
    onEvent: (event) => this.#receive(event),
    onError: ({ type }) => {
      if (type === "max-buffer-size-exceeded") this.#end(`${BROKEN}: an event is too long`);
    },
    maxBufferSize: MAX_EVENT_LENGTH,
  });
  /** Why the server is about to end the stream. */
  #reason = "";
  /** True until the stream ends. */
  isOpen = true;

  /** @param response The body of the server's response. */
  constructor(
    response: Readable,
    { clock, onMessage }: Pick<ConnectOptions, "clock" | "onMessage">,
  ) {
    this.closed = this.#closed.promise;
    this.#response = response;
    this.#onMessage = onMessage;
    response.on("data", (bytes: Uint8Array) => {
      // All events of this read arrived at this time.
      void clock.nowMs;
      if (this.isOpen) this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    });
    response.once("end", () => this.#end(this.#reason ? `${ENDED}: ${this.#reason}` : ENDED));
    response.on("error", () => this.#end(BROKEN));
    response.once("close", () => this.#end(BROKEN));
  }

  /** Ends the stream. */
  leave(): Promise<CloseStatus> {
    this.#end("", 1000);
    return this.closed;
  }

  #receive({ event = "message", data }: EventSourceMessage): void {
    if (!this.isOpen) return;
    const bytes = 3 * data.length <= scratch.length ? scratch : new Uint8Array(3 * data.length);
    const { written } = encoder.encodeInto(data, bytes);
    // Events with another name are the server's own, such as who joined.
    if (event === "message" || findMarker(bytes, 0, written) >= 0) {
      this.#onMessage(OPCODE.text, bytes, 0, written);
    } else if (event === "error" || event === "reconnect") this.#reason = reasonOf(event, data);
  }

  #end(reason: string, code = 1006): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#closed.resolve({ code, reason });
    this.#response.destroy();
  }
}

const encoder = new TextEncoder();

/** The event that is being handled, as bytes. All streams of a thread share this memory. */
const scratch = new Uint8Array(64 * 1024);

/** Why Chorus says that it ends a stream: the code of an `error`, or that it is stopping. */
function reasonOf(event: string, data: string): string {
  try {
    const { code } = JSON.parse(data);
    if (typeof code === "string") return printable(code);
  } catch {
    // Another server's event, which need not be JSON.
  }
  return event;
}
