import type { FieldMap } from "../../websocket/http_head.ts";

/** The hosts and origins that the server accepts. */
export interface OriginPolicy {
  /** The address that the server is bound to, as the system reports it. */
  readonly boundTo: string;
  /** The value of `--hostname`. */
  readonly hostname: string;
  /** Origins accepted besides the server's own; `*` accepts all. */
  readonly allowOrigin: readonly string[];
}

/**
 * Checks the Host and Origin headers of a request.
 *
 * A request is accepted if its origin is the host that it was sent to: it comes from the server's
 * own page. A request without an Origin header comes from the server's own page or from no page.
 *
 * A server that is bound to a loopback address also checks that the host is a loopback name. This
 * prevents DNS rebinding: a page of evil.example could switch its DNS entry to 127.0.0.1 after it
 * has loaded, count as the server's own page, and read a chat that is private to this machine.
 *
 * @returns Why the request is refused; undefined if it is accepted.
 */
export function refusedOrigin(headers: FieldMap, policy: OriginPolicy): string | undefined {
  const { allowOrigin, boundTo, hostname } = policy;
  const origin = headers.get("origin");
  if (allowOrigin.some((each) => each === "*" || each.toLowerCase() === origin)) return undefined;
  const host = headers.get("host") ?? "";
  const target = URL.parse(`${URL.parse(origin ?? "")?.protocol ?? "http:"}//${host}`);
  const isKnownHost = isLoopback(target?.hostname ?? "") || target?.hostname === hostname ||
    allowOrigin.some((each) => URL.parse(each)?.hostname === target?.hostname);
  if (isLoopback(boundTo) && host !== "" && !isKnownHost) {
    return `This server listens on loopback and does not accept the host ${host}: ` +
      "to accept it, set --allow-origin to the origin that browsers use";
  }
  if (origin === null) return undefined;
  const isOwn = /^https?:/.test(origin) && URL.parse(origin)?.host === target?.host;
  return isOwn
    ? undefined
    : `Pages of the origin ${origin} may not use this server: to accept them, set --allow-origin`;
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3})$/i.test(hostname) ||
    /^\[?::(1\]?|ffff:(127\.|7f[0-9a-f]{2}:).*)$/i.test(hostname);
}
