import type { JoinRequest } from "../../chat/join_request.ts";
import { checkHandshake, isUpgrade } from "../../websocket/handshake.ts";
import type { FieldMap } from "../../websocket/http_head.ts";
import { isPagePath } from "../page/page.ts";
import type { OriginCheck } from "../security/origin.ts";
import { parseJoinRequest } from "./join_request.ts";
import { maxBodyBytes, tooBig } from "./publication.ts";
import { isAdminPath, isRoomsPath, type Refusal, refusal, UNAVAILABLE } from "./refusal.ts";

/** The parts of an HTTP request that {@linkcode admit} checks. Both engines provide them. */
export interface IncomingRequest {
  readonly method: string;
  /**
   * The host and port that the client addressed: those of an absolute target, or the Host header;
   * "" if there is none.
   */
  readonly host: string;
  /** The path of the request target as the client has sent it, without the query. */
  readonly path: string;
  /** The query without its question mark. */
  readonly query: string;
  readonly headers: FieldMap;
}

/** How the server handles a request. */
export type Decision =
  /** Upgrade it to a WebSocket in the chat. */
  | { readonly kind: "chat"; readonly joinRequest: JoinRequest }
  | { readonly kind: "page" }
  | { readonly kind: "health" }
  | { readonly kind: "metrics" }
  | { readonly kind: "readiness" }
  /** Pass it to the HTTP API, which checks the rest itself. */
  | { readonly kind: "rooms" }
  /** Pass it to the API of administrators, which checks the token. */
  | { readonly kind: "admin" }
  | { readonly kind: "refusal" } & Refusal;

/** The state of the server that {@linkcode admit} depends on. */
export interface AdmissionOptions {
  readonly originCheck: Pick<OriginCheck, "refused">;
  readonly maxMessageBytes: number;
  /** Whether there is an API of administrators. */
  readonly hasAdminApi: boolean;
  /** Whether this port serves `/metrics`. */
  readonly hasMetrics: boolean;
  /** Whether the server is stopping: it refuses all but probes, scrapes, and administrators. */
  readonly isClosing: () => boolean;
  /** Refuses new work that the server has no memory for. */
  readonly refuseWork: () => Refusal | undefined;
  /** Refuses one more member of a room that the server has no capacity for. */
  readonly refuseJoin: (roomName: string) => Refusal | undefined;
}

/**
 * Decides how to handle a request. Changes nothing.
 *
 * | path             | decision                                                        |
 * | ---------------- | --------------------------------------------------------------- |
 * | `/ws`            | upgrade to the chat; 400 for a bad query, 426 without an upgrade |
 * | `/`              | upgrade to the chat; the page without an upgrade                |
 * | `/docs`          | the manual                                                      |
 * | `/chorus.js`     | the client library                                              |
 * | `/assets/…`      | a file of these; 404 for one of another version                 |
 * | `/rooms…`        | the HTTP API; 413 for a message that is too big                 |
 * | `/admin/…`       | the API of administrators, if there is one                      |
 * | `/healthz`       | 200                                                             |
 * | `/metrics`       | 200; 404 with `--metrics-listen`                                |
 * | `/readyz`        | 200, or 503 with the reasons                                    |
 * | any other        | 404                                                             |
 *
 * A path that is ambiguous gets 400, see {@linkcode isAmbiguousPath}.
 */
export function admit(request: IncomingRequest, options: AdmissionOptions): Decision {
  const { method, path, query, headers } = request;
  const hostField = headers.get("host") ?? "";
  if (!isHost(hostField)) {
    return refuse(400, `Host must be a host name and optionally a port: it was ${hostField}`);
  }
  if (isAmbiguousPath(path)) return refuse(400, ambiguousPath(path));
  const refused = options.originCheck.refused(request);
  if (refused !== undefined) return refuse(403, refused);
  const isProbe = path === "/healthz" || path === "/readyz";
  const isMetrics = path === "/metrics" && options.hasMetrics;
  const isAdmin = isAdminPath(path) && options.hasAdminApi;
  if (options.isClosing() && !isProbe && !isMetrics && !isAdmin) {
    return { kind: "refusal", ...UNAVAILABLE.stopping };
  }
  const joinRequest = path === "/ws" || path === "/"
    ? parseJoinRequest(query, headers.get("sec-websocket-protocol"))
    : undefined;
  if (joinRequest && (path === "/ws" || isUpgrade(headers))) {
    const fault = checkHandshake(request);
    if (fault) return { kind: "refusal", ...fault };
    if (typeof joinRequest === "string") return refuse(400, joinRequest);
    const refused = options.refuseJoin(joinRequest.roomName);
    return refused ? { kind: "refusal", ...refused } : { kind: "chat", joinRequest };
  }
  if (isRoomsPath(path)) {
    const refused = options.refuseWork();
    if (refused) return { kind: "refusal", ...refused };
    // Decided before the body is read: a client with `Expect: 100-continue` need not send it.
    const isTooBig = method === "POST" &&
      Number(headers.get("content-length")) > maxBodyBytes(headers, options.maxMessageBytes);
    return isTooBig ? { kind: "refusal", ...tooBig(options.maxMessageBytes) } : { kind: "rooms" };
  }
  if (isAdmin) return { kind: "admin" };
  // Without this check, a page with a bad room name would retry its WebSocket forever.
  if (typeof joinRequest === "string") return refuse(400, joinRequest);
  if (!isProbe && !isMetrics && !isPagePath(path)) {
    return refuse(
      404,
      "Not found: the server has / (chat page), /docs (manual), /chorus.js (client library), " +
        "/ws (WebSocket), /rooms (HTTP API), /healthz, and /readyz",
    );
  }
  if (method !== "GET" && method !== "HEAD") {
    return refuse(405, `This path accepts GET and HEAD: the method was ${method}`, {
      allow: "GET, HEAD",
    });
  }
  if (isMetrics) return { kind: "metrics" };
  if (!isProbe) return { kind: "page" };
  return { kind: path === "/healthz" ? "health" : "readiness" };
}

/**
 * Whether a text is a valid value of the Host header (RFC 9112 section 3.2). It may be empty. A
 * comma would join two headers.
 */
export function isHost(text: string): boolean {
  if (text === lastHost) return true;
  const isValid = /^(\[[\da-f:.]+\]|[\w.~%!$&'()*+;=-]*)(:\d*)?$/i.test(text) &&
    (text === "" || URL.canParse(`http://${text}`));
  if (isValid) lastHost = text;
  return isValid;
}

/**
 * Whether a URL parser changes which path this is: `/x/../metrics` becomes `/metrics`, and so does
 * `/x\..\metrics`. A proxy compares the path as it was sent, so its rules would not match.
 */
export function isAmbiguousPath(path: string): boolean {
  return /\\|\/(\.|%2e){1,2}(\/|$)/i.test(path);
}

/** Why a request with such a path is refused. */
export function ambiguousPath(path: string): string {
  return 'The path must have no backslash and no segment "." or "..", not even encoded: ' +
    `it was ${path}`;
}

/** The last valid host. Nearly all requests have the same one. */
let lastHost = "";

function refuse(...parts: Parameters<typeof refusal>): Decision {
  return { kind: "refusal", ...refusal(...parts) };
}
