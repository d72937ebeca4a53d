import { membersOf } from "../../../websocket/handshake.ts";
import type { FieldMap } from "../../../websocket/http_head.ts";
import { invalidRequest, type TokenFault } from "./token_fault.ts";

/** Begins the subprotocol that carries a token: `chorus.token.<jwt>`. */
const TOKEN_PROTOCOL_PREFIX = "chorus.token.";

/**
 * Finds the token of a request:
 *
 * 1. a subprotocol `chorus.token.<jwt>`, because browsers cannot set headers of a WebSocket,
 * 2. `Authorization: Bearer <jwt>` (RFC 6750 section 2.1),
 * 3. the cookie, if neither of them is there. A browser sends it by itself, so it never overrides
 *    the token that a page has chosen.
 *
 * Other schemes of `Authorization` are ignored: they may be for a proxy. The query is never read,
 * because proxies log it.
 *
 * @param cookieName The value of `--token-cookie`; "" to ignore cookies.
 * @returns The token; undefined if there is none; a fault if there are two, or a malformed one.
 */
export function findToken(
  headers: FieldMap,
  cookieName: string,
): string | undefined | TokenFault {
  const explicit = membersOf(headers.get("sec-websocket-protocol"))
    .filter((each) => each.startsWith(TOKEN_PROTOCOL_PREFIX))
    .map((each) => each.slice(TOKEN_PROTOCOL_PREFIX.length));
  const authorization = headers.get("authorization") ?? "";
  if (/^bearer( |$)/i.test(authorization)) {
    const [, token] = authorization.match(/^bearer +([\w.~+/-]+=*)$/i) ?? [];
    if (token === undefined) {
      return invalidRequest("The Authorization header must be `Bearer`, a space, and one token");
    }
    explicit.push(token);
  }
  const tokens = explicit.length === 0 && cookieName !== "" && mayUseCookie(headers)
    ? cookiesNamed(cookieName, headers.get("cookie"))
    : explicit;
  return new Set(tokens).size > 1
    ? invalidRequest("The request has different tokens: send one")
    : tokens[0];
}

/**
 * Whether a cookie counts for this request, which has passed the origin check.
 *
 * A browser adds the cookie to requests that other sites cause. The origin check refuses those with
 * an `Origin` of another site: all WebSockets, all POST requests, and all reads by scripts. Left
 * are GET requests without `Origin`, such as that of `<img src="…/rooms/tea/events">`. The other
 * site cannot read the response, but the user would join the room. `Sec-Fetch-Site` tells such
 * requests from those of the server's own page, and every browser since 2023 sends it.
 */
function mayUseCookie(headers: FieldMap): boolean {
  if (headers.get("origin") !== null) return true;
  const site = headers.get("sec-fetch-site");
  // `none` is a user's own request, such as one from the address bar.
  return site === null || site === "same-origin" || site === "none";
}

/** The values of the cookies with a name (RFC 6265 section 4.2.1). */
function cookiesNamed(name: string, cookies: string | null): string[] {
  return (cookies ?? "").split(";").flatMap((pair) => {
    const at = pair.indexOf("=");
    if (at < 0 || pair.slice(0, at).trim() !== name) return [];
    const value = pair.slice(at + 1).trim().replace(/^"(.*)"$/, "$1");
    return value === "" ? [] : [value];
  });
}
