import type { Limit } from "../../chat/counters.ts";
import { isToken, parseHead } from "../../websocket/http_head.ts";
import { type IncomingRequest, isHost } from "../http/admission.ts";

/** The gateway cannot accept a request. It answers this status and closes the connection. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly status: 400 | 408 | 431 | 501 | 505;
  /** The limit that is the reason, if one is. */
  readonly limit: Limit | undefined;

  constructor(
    status: RequestError["status"],
    message: string,
    { limit }: { readonly limit?: Limit } = {},
  ) {
    super(message);
    this.status = status;
    this.limit = limit;
  }
}

/** The head of an HTTP request. */
export interface RequestHead extends IncomingRequest {
  /** `HTTP/2.0` is the preface of an HTTP/2 connection. */
  readonly version: "HTTP/1.0" | "HTTP/1.1" | "HTTP/2.0";
  /** The length of the body in bytes; `Infinity` for an HTTP/2 connection. */
  readonly bodyLength: number | "chunked";
}

/**
 * Parses the head of a request.
 *
 * @throws {RequestError} If it is malformed, ambiguous, or not supported.
 */
export function parseRequestHead(bytes: Uint8Array): RequestHead {
  const head = parseHead(bytes);
  const [method, target, version] = head?.start ?? [];
  if (!head || !isToken(method!) || !/^HTTP\/\d\.\d$/.test(version!)) {
    throw new RequestError(400, "The head of the request is malformed");
  }
  const { headers } = head;
  if (method === "PRI" && target === "*" && version === "HTTP/2.0") {
    return { method, path: "*", query: "", host: "", headers, version, bodyLength: Infinity };
  }
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") {
    throw new RequestError(505, `The server speaks HTTP/1.1: the version was ${version}`);
  }
  if (method === "CONNECT") throw new RequestError(501, "The server does not support CONNECT");
  const hostField = headers.get("host");
  if (hostField === null ? version === "HTTP/1.1" : !isHost(hostField)) {
    throw new RequestError(
      400,
      `The request needs exactly one Host header: it was ${hostField ?? "missing"}`,
    );
  }
  // Checked before the target is shown in an error message.
  if (!/^[!-"$-~]+$/.test(target!)) {
    throw new RequestError(
      400,
      "The request target must be ASCII, with other characters percent-encoded, without a fragment",
    );
  }
  const bodyLength = parseBodyLength(headers, version);
  if (target === "*" && method === "OPTIONS") {
    return { method, path: "*", query: "", host: hostField ?? "", headers, version, bodyLength };
  }
  const parts = target!.match(TARGET);
  if (!parts) {
    throw new RequestError(400, `The request target must be a path or a URL: it was ${target}`);
  }
  const [, authority, path = "/", query = ""] = parts;
  if (authority !== undefined && (!isHost(authority) || /^(:|$)/.test(authority))) {
    throw new RequestError(400, `The request target has no valid host: it was ${target}`);
  }
  const host = authority ?? hostField ?? "";
  return { method: method!, path, query, host, headers, version, bodyLength };
}

/** A target in origin or absolute form: the authority, the path, and the query. */
const TARGET = /^(?:[a-z][a-z0-9+.-]*:\/\/([^/?]*)(?=[/?]|$)|(?=\/))(\/[^?]*)?(?:\?(.*))?$/i;

/** RFC 9112 section 6.3, without what it only tolerates. */
function parseBodyLength(
  headers: IncomingRequest["headers"],
  version: RequestHead["version"],
): number | "chunked" {
  const length = headers.get("content-length");
  const codings = headers.get("transfer-encoding")?.toLowerCase().split(",").map((each) =>
    each.trim()
  );
  if (!codings) {
    if (length === null) return 0;
    if (/^\d{1,15}$/.test(length)) return Number(length);
    throw new RequestError(400, `Content-Length must be one number: it was ${length}`);
  }
  if (length !== null) {
    throw new RequestError(400, "A request must not have Content-Length and Transfer-Encoding");
  }
  if (version === "HTTP/1.0") {
    throw new RequestError(400, "An HTTP/1.0 request must not have Transfer-Encoding");
  }
  if (codings.indexOf("chunked") !== codings.length - 1) {
    throw new RequestError(
      400,
      `Transfer-Encoding must end with chunked: it was ${codings.join(", ")}`,
    );
  }
  if (codings.length === 1) return "chunked";
  throw new RequestError(
    501,
    `The server supports only Transfer-Encoding: chunked: it was ${codings.join(", ")}`,
  );
}
