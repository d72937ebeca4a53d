/** Formats a host and port for people: `127.0.0.1:8000`, `[::1]:8000`. */
export function formatAddress({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
