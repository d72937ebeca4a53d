import { formatAddress } from "./address.ts";
import type { ServerConfig } from "./config.ts";
import { TlsFileError } from "./security/tls_files.ts";

/** Says why the server cannot start, and what to do about it. */
export function startFailure(
  error: unknown,
  address: Pick<ServerConfig, "hostname" | "port">,
): string {
  if (error instanceof TlsFileError) return error.message;
  return `Cannot listen on ${formatAddress(address)} as ${why(error, address.port)}`;
}

/** Says why a server that has listened can accept nobody any more. */
export function acceptFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const advice = /too many open files/i.test(message) ? ": raise `ulimit -n`" : "";
  return `Cannot accept connections any more as the system refuses (${message})${advice}`;
}

function why(error: unknown, port: number): string {
  const message = error instanceof Error ? error.message : String(error);
  // Deno's own errors and those of node:net carry the same codes.
  const { code } = error as { code?: string };
  switch (code) {
    case "EADDRINUSE":
      return "another program does: stop that, or choose a port with --port (0 picks a free one)";
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return "this machine does not have that address: choose one of its own with --hostname";
    case "EACCES":
      return `the system does not let this user have port ${port}: choose one above 1023 with --port`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `that host name cannot be found: check --hostname (${message})`;
  }
  if (/lookup|resolve|name/i.test(message)) {
    return `that host name cannot be found: check --hostname (${message})`;
  }
  return /certificate|key|PEM/i.test(message)
    ? `the certificate or its key is not good: check --tls-cert and --tls-key (${message})`
    : `the system refuses: ${message}`;
}
