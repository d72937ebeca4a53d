import type { Limit, LimitHits } from "../../chat/limit_hits.ts";
import type { FieldMap } from "../../websocket/http_head.ts";
import {
  corsHeaders,
  plainText,
  problemText,
  type TextResponse,
  toResponse,
} from "./api_response.ts";

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
  | "too_many_rooms"
  | "room_full"
  | "too_many_connections"
  | "too_many_requests"
  | "history_unavailable";

/** Tells a refusal from anything that the server does instead. */
export function isRefusal(value: object): value is Refusal {
  return "status" in value;
}

/** The temporary refusals: a client can try again after `retry-after` seconds. */
export const UNAVAILABLE = {
  full: {
    ...unavailable("server_full", "The chat is full: try again later", 10),
    limit: "connections",
  },
  stopping: unavailable("server_stopping", "The server is stopping: try again later", 1, {
    connection: "close",
  }),
  tooManyRooms: {
    ...unavailable("too_many_rooms", "There are too many rooms: try again later", 10),
    limit: "rooms",
  },
  roomFull: {
    ...unavailable("room_full", "The room is full: try again later", 10),
    limit: "room_members",
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
interface RefusedRequest {
  readonly method: string;
  readonly headers: FieldMap;
}

/** Creates the response to a request that is refused, and counts the limit that is the reason. */
export function refusalResponse(
  request: RefusedRequest & { readonly path: string },
  refusal: Refusal,
  limitHits: LimitHits,
): TextResponse {
  const { status, message, headers } = refusal;
  if (!isRoomsPath(request.path)) {
    countLimit(refusal, limitHits);
    return plainText(status, message, headers);
  }
  const response = apiRefusal(request, refusal, limitHits);
  // These two come before the origin is accepted, so no page may read them.
  if (status === 400 || status === 403) return response;
  return { ...response, headers: { ...response.headers, ...corsHeaders(request.headers) } };
}

/** Whether a path belongs to the HTTP API. */
export function isRoomsPath(path: string): boolean {
  return path === "/rooms" || path.startsWith("/rooms/");
}

/** Creates the response of the HTTP API to a request that it refuses, and counts the limit. */
export function refuse(
  request: RefusedRequest,
  refusal: Refusal,
  limitHits: LimitHits,
): Response {
  return toResponse(apiRefusal(request, refusal, limitHits));
}

function countLimit({ limit }: Refusal, limitHits: LimitHits): void {
  if (limit) limitHits[limit]++;
}

/**
 * An `EventSource` reconnects after a stream that has ended, but never after another status than
 * 200 (HTML Standard, section 9.2.3). So it gets a 429 or 503 as a stream with one `error` event.
 */
function apiRefusal(
  request: RefusedRequest,
  refusal: Refusal,
  limitHits: LimitHits,
): TextResponse {
  countLimit(refusal, limitHits);
  const { status, message, headers } = refusal;
  const events = acceptsEvents(request) ? toEvents(refusal) : undefined;
  return events === undefined
    ? problemText(status, message, headers)
    : { status: 200, headers: { ...EVENTS_HEADERS, ...headers }, body: events };
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
