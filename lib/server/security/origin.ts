import type { FieldMap } from "../../websocket/http_head.ts";

/** The hosts and origins that the server accepts. */
export interface OriginPolicy {
  /** The address that the server is bound to, as the system reports it. */
  readonly boundTo: string;
  /** The value of `--hostname`. */
  readonly hostname: string;
  /** Origins accepted besides the server's own. */
  readonly allowOrigin: readonly AllowedOrigin[];
}

/** A parsed value of `--allow-origin`: all origins, or parts as those of a `URL`. */
export type AllowedOrigin = "*" | {
  readonly protocol: string;
  /** `*.example.com` stands for all hosts below example.com. */
  readonly hostname: string;
  readonly port: string;
};

/** The part of a request that {@linkcode refusedOrigin} needs. */
export interface RequestOrigin {
  /** The host and port that the client addressed. */
  readonly host: string;
  readonly headers: FieldMap;
}

/**
 * Parses a value of `--allow-origin`. It may be written as browsers write URLs, with a slash at the
 * end, upper case, the default port, or an international host name.
 *
 * @returns The origin; undefined for a value that no origin would ever match.
 */
export function parseAllowedOrigin(text: string): AllowedOrigin | undefined {
  if (text === "*") return "*";
  if (!/^https?:\/\/[^\s\/\\?#@]+\/?$/i.test(text)) return undefined;
  const [, scheme = "", wildcard = "", rest = ""] = text.match(/^(.*?:\/\/)(\*\.)?(.*)$/)!;
  // The URL parser must see a first label: without it, `*.0.0.1` would be an IPv4 address.
  const url = URL.parse(scheme + wildcard.replace("*", "label") + rest);
  const hostname = url?.hostname.slice(wildcard === "" ? 0 : "label.".length) ?? "";
  // No label is empty, and only the first one can be a `*`.
  if (!url || !/^[^*.]+(\.[^*.]+)*\.?$/.test(hostname)) return undefined;
  return { protocol: url.protocol, hostname: wildcard + hostname, port: url.port };
}

/** Checks origins by a policy. It remembers its last answer: most requests come from one page. */
export class OriginCheck {
  readonly #policy: OriginPolicy;
  #host: string | undefined;
  #origin: string | null = null;
  #refused: string | undefined;

  constructor(policy: OriginPolicy) {
    this.#policy = policy;
  }

  /** See {@linkcode refusedOrigin}. */
  refused(request: RequestOrigin): string | undefined {
    const { host, headers } = request;
    const origin = headers.get("origin");
    if (host !== this.#host || origin !== this.#origin) {
      this.#host = host;
      this.#origin = origin;
      this.#refused = refusedOrigin(request, this.#policy);
    }
    return this.#refused;
  }
}

/**
 * Checks the host and the Origin header of a request.
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
export function refusedOrigin(
  { host, headers }: RequestOrigin,
  { allowOrigin, boundTo, hostname }: OriginPolicy,
): string | undefined {
  const origin = headers.get("origin");
  const page = URL.parse(origin ?? "");
  if (allowOrigin.some((each) => each === "*" || isOriginOf(each, page, origin))) return undefined;
  const target = URL.parse(`${page?.protocol ?? "http:"}//${host}`);
  const isKnownHost = isLoopback(target?.hostname ?? "") ||
    target?.hostname === hostname.toLowerCase() ||
    allowOrigin.some((each) => each !== "*" && isHostOf(each, target));
  if (isLoopback(boundTo) && host !== "" && !isKnownHost) {
    return `This server listens on loopback and does not accept the host ${host}: ` +
      "to accept it, set --allow-origin to the origin that browsers use";
  }
  if (origin === null) return undefined;
  const isOwn = /^https?:/.test(origin) && page?.host === target?.host;
  return isOwn
    ? undefined
    : `Pages of the origin ${origin} may not use this server: to accept them, set --allow-origin`;
}

function isOriginOf(
  allowed: Exclude<AllowedOrigin, "*">,
  page: URL | null,
  origin: string | null,
): boolean {
  return page?.origin === origin && page?.protocol === allowed.protocol &&
    page.port === allowed.port && isHostOf(allowed, page);
}

function isHostOf({ hostname }: Exclude<AllowedOrigin, "*">, url: URL | null): boolean {
  if (!hostname.startsWith("*.")) return url?.hostname === hostname;
  // The lengths are equal if the `*` stands for one character.
  return url !== null && url.hostname.endsWith(hostname.slice(1)) &&
    url.hostname.length >= hostname.length;
}

/** Whether a host name or an address is one of this machine alone. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3})$/i.test(hostname) ||
    /^\[?::(1\]?|ffff:(127\.|7f[0-9a-f]{2}:).*)$/i.test(hostname);
}
