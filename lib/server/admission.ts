import { checkHandshake, isUpgrade } from "../websocket/handshake.ts";
import type { FieldMap } from "../websocket/http_head.ts";
import type { JoinRequest } from "../chat/chat.ts";
import { parseJoinRequest } from "./join_request.ts";
import { type OriginPolicy, refusedOrigin } from "./security/origin.ts";
import { isPagePath } from "./page/page.ts";

/** What a request is judged by, whichever way it came in. */
export interface IncomingRequest {
  readonly method: string;
  /** The path of its target, without the query. */
  readonly path: string;
  /** What follows the question mark, without it. */
  readonly query: string;
  readonly headers: FieldMap;
}

/** What is to be done with a request. */
export type Decision =
  /** An upgrade. */
  | { readonly kind: "chat"; readonly joinRequest: JoinRequest }
  | { readonly kind: "page" }
  | { readonly kind: "health" }
  /** The rooms over HTTP, which have refusals of their own. */
  | { readonly kind: "rooms" }
  | {
    readonly kind: "refusal";
    readonly status: number;
    readonly message: string;
    readonly headers: Readonly<Record<string, string>>;
  };

/** What admission needs to know of the server. */
export interface AdmissionOptions {
  readonly originPolicy: OriginPolicy;
  /** Whether the server is stopping, and takes nobody in any more. */
  readonly isDraining: () => boolean;
  /** Whether the chat has as many connections as it may have. */
  readonly isFull: () => boolean;
  /** Whether the room of this name is there, or can be made. */
  readonly hasCapacityFor: (roomName: string) => boolean;
}

/**
 * Decides what is to be done with a request.
 *
 * | path             | decision                                                           |
 * | ---------------- | ----------------------------------------------------------------- |
 * | `/ws`            | an upgrade to the chat, 400 for a bad query; 426 to anything else  |
 * | `/`              | the same; the page to anything else                               |
 * | the page's files | 200, or 304 for a copy that is still good                         |
 * | `/rooms` & below | the HTTP API                                                      |
 * | `/healthz`       | 200                                                               |
 * | any other        | 404                                                               |
 */
export function admit(request: IncomingRequest, options: AdmissionOptions): Decision {
  const { method, path, query, headers } = request;
  const refused = refusedOrigin(headers, options.originPolicy);
  if (refused !== undefined) return refusal(403, refused);
  if (options.isDraining()) {
    return refusal(503, "The server is stopping: try again later", {
      "retry-after": "1",
      connection: "close",
    });
  }
  const joinRequest = path === "/ws" || path === "/" ? parseJoinRequest(query, headers) : undefined;
  if (joinRequest && (path === "/ws" || isUpgrade(headers))) {
    const fault = checkHandshake(request);
    if (fault) return { kind: "refusal", ...fault };
    if (typeof joinRequest === "string") return refusal(400, joinRequest);
    if (options.isFull()) {
      return refusal(503, "The chat is full: try again later", { "retry-after": "10" });
    }
    if (!options.hasCapacityFor(joinRequest.roomName)) {
      return refusal(503, "There are too many rooms: try again later", { "retry-after": "10" });
    }
    return { kind: "chat", joinRequest };
  }
  if (isRoomsPath(path)) return { kind: "rooms" };
  // The page of a room that cannot be would try for ever to come in.
  if (typeof joinRequest === "string") return refusal(400, joinRequest);
  if (path !== "/healthz" && !isPagePath(path)) {
    return refusal(
      404,
      "There is nothing here: / is the chat page, /ws the WebSocket, /rooms the HTTP API, /healthz the health check",
    );
  }
  if (method !== "GET" && method !== "HEAD") {
    return refusal(405, `This address answers GET and HEAD: the method was ${method}`, {
      allow: "GET, HEAD",
    });
  }
  return { kind: path === "/healthz" ? "health" : "page" };
}

/** Whether a path belongs to the HTTP API. */
export function isRoomsPath(path: string): boolean {
  return path === "/rooms" || path.startsWith("/rooms/");
}

function refusal(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Decision {
  return { kind: "refusal", status, message, headers };
}
