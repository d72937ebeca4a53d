import { errorMessage } from "../cli/error_message.ts";
import { DataFileError } from "../history/data_file_error.ts";
import { formatAddress } from "./address.ts";
import type { ServerConfig } from "./config.ts";
import { TlsFileError } from "./security/tls_files.ts";

/** Explains in one line why the server cannot start, and what to do about it. */
export function startFailure(
  error: unknown,
  address: Pick<ServerConfig, "hostname" | "port">,
): string {
  if (error instanceof TlsFileError || error instanceof DataFileError) return error.message;
  return `Cannot listen on ${formatAddress(address)}: ${reasonOf(error, address.port)}`;
}

/** Explains in one line why a running server has stopped accepting connections. */
export function acceptFailure(error: unknown): string {
  const message = errorMessage(error);
  const advice = /too many open files/i.test(message) ? "; raise `ulimit -n`" : "";
  return `Cannot accept connections any more: ${message}${advice}`;
}

function reasonOf(error: unknown, port: number): string {
  const message = errorMessage(error);
  // Errors of Deno and of node:net use the same codes.
  const { code } = error as { code?: string };
  switch (code) {
    case "EADDRINUSE":
      return "another program uses this port; stop it, or choose another port with --port " +
        "(0 picks a free one)";
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return "this machine does not have this address; choose another with --hostname";
    case "EACCES":
      return `this user may not use port ${port}; choose one above 1023 with --port`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host name cannot be resolved; check --hostname (${message})`;
  }
  if (/lookup|resolve|name/i.test(message)) {
    return `the host name cannot be resolved; check --hostname (${message})`;
  }
  return /certificate|key|PEM/i.test(message)
    ? `the certificate or its key is invalid; check --tls-cert and --tls-key (${message})`
    : message;
}
