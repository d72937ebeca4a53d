import { isStatus, STATUS_TEXT } from "@std/http/status";
import type { Limit } from "../../chat/counters.ts";
import type { FieldMap } from "../../websocket/http_head.ts";
import { corsHeaders, plainText, type TextResponse } from "./api_response.ts";

/** Why the server does not do what a request asks for, as the HTTP answer to it. */
export interface Refusal {
  readonly status: number;
  /** What is wrong, in a sentence. */
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stable name, for programs. Only temporary refusals have one. */
  readonly code?: UnavailableCode;
  /** The limit that is the reason, if one is. */
  readonly limit?: Limit;
}

/** A stable name for why the server cannot do something at the moment. */
export type UnavailableCode =
  | "server_full"
  | "server_stopping"
  | "server_overloaded"
  | "too_many_rooms"
  | "room_full"
  | "too_many_connections"
  | "too_many_requests"
  | "history_unavailable"
  | "keys_unavailable"
  | "too_many_http_connections"
  | "out_of_files"
  | "try_again";

/** Creates a refusal that is not temporary. */
export function refusal(
  status: number,
  message: string,
  headers: Refusal["headers"] = {},
): Refusal {
  return { status, message, headers };
}

/** Tells a refusal from what the server has instead, which has no status. */
export function isRefusal<T extends object>(value: T | Refusal): value is Refusal {
  return "status" in value;
}

/**
 * Calls the handler for the request's method, that of GET for HEAD too; 405 if there is none.
 *
 * @param handlers Those of the methods that the path accepts, by method.
 */
export function forMethod(
  { method }: { readonly method: string },
  handlers: Readonly<Record<string, () => ApiResult | Promise<ApiResult>>>,
): ApiResult | Promise<ApiResult> {
  const wanted = method === "HEAD" ? "GET" : method;
  // A client may name any method, such as `constructor`.
  if (Object.hasOwn(handlers, wanted)) return handlers[wanted]!();
  const allow = Object.keys(handlers).flatMap((each) => each === "GET" ? ["GET", "HEAD"] : each)
    .join(", ");
  return refusal(405, `This path accepts ${allow}: the method was ${method}`, { allow });
}

/** What the HTTP API does with a request. */
export type ApiResult = Response | Refusal;

/** The `WWW-Authenticate` of a request without a token (RFC 6750 section 3). */
export const CHALLENGE = 'Bearer realm="chorus"';

/** The temporary refusals: a client can try again after `retry-after` seconds. */
export const UNAVAILABLE = {
  full: {
    ...unavailable("server_full", "The chat is full: try again later", 10),
    limit: "connections",
  },
  stopping: unavailable("server_stopping", "The server is stopping: try again later", 1, {
    connection: "close",
  }),
  overloaded: {
    ...unavailable("server_overloaded", "The server is overloaded: try again later", 5),
    limit: "memory",
  },
  tooManyRooms: {
    ...unavailable("too_many_rooms", "There are too many rooms: try again later", 10),
    limit: "rooms",
  },
  roomFull: {
    ...unavailable("room_full", "The room is full: try again later", 10),
    limit: "room_members",
  },
  /** For a reason that was there a moment ago, and is unknown. */
  over: unavailable("try_again", "The server could not accept the connection: try again", 1),
  tooManyPipes: {
    ...unavailable(
      "too_many_http_connections",
      "The server has too many HTTP connections: try again later",
      10,
    ),
    limit: "http_connections",
  },
  outOfFiles: {
    ...unavailable("out_of_files", "The server cannot open more files: try again later", 10),
    limit: "open_files",
  },
  unreadable: unavailable(
    "history_unavailable",
    "Stored messages cannot be read: try again later",
    1,
  ),
} as const satisfies Record<string, Refusal>;

/** The refusals of one address. They are temporary as well. */
export const TOO_MANY = {
  connections: (): Refusal =>
    tooMany(
      "too_many_connections",
      "Your address has too many connections: close some, or try again later",
      10_000,
      "connections_per_address",
    ),
  handshakes: (waitMs: number): Refusal =>
    tooMany(
      "too_many_requests",
      "Your address connects too often: try again later",
      waitMs,
      "handshakes_per_address",
    ),
  wrongTokens: (waitMs: number): Refusal =>
    tooMany(
      "too_many_requests",
      "Your address has sent too many wrong tokens: try again later",
      waitMs,
      "wrong_tokens_per_address",
    ),
  publishes: (waitMs: number): Refusal =>
    tooMany(
      "too_many_requests",
      "Your address publishes too often: try again later",
      waitMs,
      "publishes_per_address",
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

/** The part of a request that its refusal depends on. */
export interface RefusedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: FieldMap;
  /** See {@linkcode requestIdOf}. */
  readonly requestId: string;
}

/**
 * Creates the response to a request that is refused: problem details (RFC 9457) for the HTTP API,
 * plain text for any other path.
 */
export function refusalResponse(request: RefusedRequest, refusal: Refusal): TextResponse {
  const { status, message, headers } = refusal;
  if (isAdminPath(request.path)) return problemText(request, refusal);
  if (!isRoomsPath(request.path)) return plainText(status, message, headers);
  const response = apiRefusal(request, refusal);
  // These two may come before the origin is accepted. Then no page may read them.
  if (status === 400 || status === 403) return response;
  return { ...response, headers: { ...response.headers, ...corsHeaders(request.headers) } };
}

/** Whether a path belongs to the HTTP API. */
export function isRoomsPath(path: string): boolean {
  return path === "/rooms" || path.startsWith("/rooms/");
}

/** Whether a path belongs to the API of administrators. */
export function isAdminPath(path: string): boolean {
  return path.startsWith("/admin/");
}

/**
 * An `EventSource` reconnects after a stream that has ended, but never after another status than
 * 200 (HTML Standard, section 9.2.3). So it gets a 429 or 503 as a stream with one `error` event.
 */
function apiRefusal(request: RefusedRequest, refusal: Refusal): TextResponse {
  const events = acceptsEvents(request) ? toEvents(refusal) : undefined;
  return events === undefined
    ? problemText(request, refusal)
    : { status: 200, headers: { ...EVENTS_HEADERS, ...refusal.headers }, body: events };
}

function problemText(
  { requestId }: RefusedRequest,
  { status, message, headers }: Refusal,
): TextResponse {
  const title = isStatus(status) ? STATUS_TEXT[status] : "Error";
  return {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
    body: JSON.stringify({ title, status, detail: message, requestId }) + "\n",
  };
}

/** Whether a request is one that `EventSource` would send. */
function acceptsEvents({ method, headers }: RefusedRequest): boolean {
  return method === "GET" && /(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(
    headers.get("accept") ?? "",
  );
}

/**
 * Encodes a refusal as a whole stream of server-sent events: when to reconnect, and an `error`
 * event with an `error` message of `chorus.v1`. Undefined if the refusal is not temporary.
 */
function toEvents({ code, message, headers }: Refusal): string | undefined {
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

function tooMany(
  code: UnavailableCode,
  message: string,
  waitMs: number,
  limit: Limit,
): Refusal {
  const headers = { "retry-after": `${Math.ceil(waitMs / 1000)}` };
  return { status: 429, message, headers, code, limit };
}
