import type { FieldMap } from "../../websocket/http_head.ts";
import { problem } from "./api_response.ts";

/** Why the server does not do what a request asks for, as the HTTP answer to it. */
export interface Refusal {
  readonly status: number;
  /** What is wrong, in a sentence. */
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stable name, for programs. Only refusals that end by themselves have one. */
  readonly code?: UnavailableCode;
}

/** A stable name for why the server cannot do something at the moment. */
export type UnavailableCode =
  | "server_full"
  | "server_stopping"
  | "too_many_rooms"
  | "history_unavailable";

/** The refusals that end by themselves: a client can try again after `retry-after` seconds. */
export const UNAVAILABLE = {
  full: unavailable("server_full", "The chat is full: try again later", 10),
  stopping: unavailable("server_stopping", "The server is stopping: try again later", 1, {
    connection: "close",
  }),
  tooManyRooms: unavailable("too_many_rooms", "There are too many rooms: try again later", 10),
  unreadable: unavailable(
    "history_unavailable",
    "Stored messages cannot be read: try again later",
    1,
  ),
};

/** The headers of a stream of server-sent events. */
export const EVENTS_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  // Without this, nginx collects events in a buffer and passes them on late.
  "x-accel-buffering": "no",
};

/**
 * Creates the response of the HTTP API to a request that it refuses.
 *
 * An `EventSource` reconnects after a stream that has ended, but never after another status than
 * 200 (HTML Standard, section 9.2.3). So it gets a 503 as a stream with one `error` event.
 */
export function refuse(
  request: { readonly method: string; readonly headers: FieldMap },
  refusal: Refusal,
): Response {
  const events = acceptsEvents(request) ? toEvents(refusal) : undefined;
  return events === undefined
    ? problem(refusal.status, refusal.message, refusal.headers)
    : new Response(events, { headers: { ...EVENTS_HEADERS, ...refusal.headers } });
}

/** Whether a request is one that `EventSource` would send. */
export function acceptsEvents(
  { method, headers }: { readonly method: string; readonly headers: FieldMap },
): boolean {
  return method === "GET" && /(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(
    headers.get("accept") ?? "",
  );
}

/**
 * Encodes a refusal as a whole stream of server-sent events: when to reconnect, and an `error`
 * event with an `error` message of `chorus.v1`. Undefined if it does not end by itself.
 */
export function toEvents({ code, message, headers }: Refusal): string | undefined {
  if (code === undefined) return undefined;
  const retryMs = 1000 * Number(headers["retry-after"]);
  const data = JSON.stringify({ type: "error", code, message });
  return `retry:${retryMs}\nevent:error\ndata:${data}\n\n`;
}

function unavailable(
  code: UnavailableCode,
  message: string,
  retryAfterSeconds: number,
  headers: Readonly<Record<string, string>> = {},
): Refusal {
  return {
    status: 503,
    message,
    headers: { "retry-after": `${retryAfterSeconds}`, ...headers },
    code,
  };
}
