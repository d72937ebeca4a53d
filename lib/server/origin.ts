/** Which origins may use the server. */
export interface OriginPolicy {
  /** The address that the server listens on. */
  readonly hostname: string;
  /** The origins let in beside the server's own; `*` is all of them. */
  readonly allowOrigin: readonly string[];
}

/**
 * Whether a request with this Origin header is let in. One without is: it comes from no web page.
 *
 * A page is the server's own if its origin is the host that the request was sent to. On a loopback address that host must
 * also be a loopback name. Without that, a page of evil.example whose DNS entry is switched to 127.0.0.1 after it has
 * loaded ("DNS rebinding") would count as the server's own and read a chat that is on loopback to be private.
 */
export function isOriginAllowed(headers: Headers, policy: OriginPolicy): boolean {
  const origin = headers.get("origin");
  if (origin === null) return true;
  if (policy.allowOrigin.some((each) => each === "*" || each.toLowerCase() === origin)) return true;
  if (!/^https?:/.test(origin) || !URL.canParse(origin)) return false;
  const { protocol, host, hostname } = new URL(origin);
  const target = `${protocol}//${headers.get("host")}`;
  if (!URL.canParse(target) || new URL(target).host !== host) return false;
  return !isLoopback(policy.hostname) || isLoopback(hostname) || hostname === policy.hostname;
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(hostname);
}
