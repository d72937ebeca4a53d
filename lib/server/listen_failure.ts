import type { ServerConfig } from "./config.ts";

/** Says why the server cannot listen, and what to do about it. */
export function listenFailure(
  error: unknown,
  { hostname, port }: Pick<ServerConfig, "hostname" | "port">,
): string {
  return `Cannot listen on ${hostname}:${port} as ${why(error, port)}`;
}

function why(error: unknown, port: number): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "another program does: stop that, or choose a port with --port (0 picks a free one)";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "this machine does not have that address: choose one of its own with --hostname";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `the system does not let this user have port ${port}: choose one above 1023 with --port`;
  }
  const message = error instanceof Error ? error.message : String(error);
  return /lookup|resolve|name/i.test(message)
    ? `that host name cannot be found: check --hostname (${message})`
    : `the system refuses: ${message}`;
}
