import type { FieldMap } from "../../websocket/http_head.ts";

/** Which hosts and origins the server knows as its own or its friends. */
export interface OriginPolicy {
  /** The address that the server is bound to, as the system tells it. */
  readonly boundTo: string;
  /** The name that it was asked to listen on. */
  readonly hostname: string;
  /** The origins let in beside the server's own; `*` is all of them. */
  readonly allowOrigin: readonly string[];
}

/**
 * Tells why a request is not let in by its Host and Origin headers, or nothing if it is.
 *
 * A page is the server's own if its origin is the host that the request was sent to; a request without an origin comes from
 * no page, or from the server's own. On a loopback address that host must be a loopback name. Without that, a page of
 * evil.example whose DNS joinRequest is switched to 127.0.0.1 after it has loaded ("DNS rebinding") would count as the server's own
 * and read a chat that is on loopback to be private.
 */
export function refusedOrigin(headers: FieldMap, policy: OriginPolicy): string | undefined {
  const { allowOrigin, boundTo, hostname } = policy;
  const origin = headers.get("origin");
  if (allowOrigin.some((each) => each === "*" || each.toLowerCase() === origin)) return undefined;
  const host = headers.get("host") ?? "";
  const target = URL.parse(`${URL.parse(origin ?? "")?.protocol ?? "http:"}//${host}`);
  const isFriend = isLoopback(target?.hostname ?? "") || target?.hostname === hostname ||
    allowOrigin.some((each) => URL.parse(each)?.hostname === target?.hostname);
  if (isLoopback(boundTo) && host !== "" && !isFriend) {
    return `This server is private to its machine, and does not answer as ${host}: ` +
      "--allow-origin with the origin that people see lets it";
  }
  if (origin === null) return undefined;
  const isOwn = /^https?:/.test(origin) && URL.parse(origin)?.host === target?.host;
  return isOwn
    ? undefined
    : `Pages of ${origin} may not use this server: --allow-origin lets them in`;
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:(127\.|7f[0-9a-f]{2}:).*)$/i
    .test(hostname);
}
