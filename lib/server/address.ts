/** Formats a host and port for people: `127.0.0.1:8000`, `[::1]:8000`. */
export function formatAddress({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/**
 * Parses a host and port such as `127.0.0.1:9464`, `[::1]:9464`, or `localhost:9464`.
 *
 * @returns Undefined if the text is anything else.
 */
export function parseAddress(
  text: string,
): Pick<Deno.NetAddr, "hostname" | "port"> | undefined {
  const [, ipv6, name, port] = text.match(/^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i) ?? [];
  const hostname = ipv6 ?? name;
  return hostname !== undefined && Number(port) <= 65535
    ? { hostname, port: Number(port) }
    : undefined;
}

/** Whether a server with this host name listens on all addresses. */
export function isUnspecified(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

/** The URL of the page. Its host is `localhost` if the server listens on all addresses. */
export function urlOf({ hostname, port }: Deno.NetAddr, isTls: boolean): URL {
  const host = formatAddress({ hostname: isUnspecified(hostname) ? "localhost" : hostname, port });
  return new URL(`${isTls ? "https" : "http"}://${host}/`);
}
