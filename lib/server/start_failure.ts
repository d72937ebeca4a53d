import { errorMessage } from "../cli/error_message.ts";
import { ClusterError } from "../cluster/connection/cluster_error.ts";
import { DataFileError } from "../history/data_file_error.ts";
import { formatAddress } from "./address.ts";
import { AdminTokenError } from "./security/admin_token.ts";
import { TlsFileError } from "./security/tls_files.ts";
import { TokenKeyError } from "./security/tokens/token_keys.ts";

/** The flags that set the address to listen on. */
interface AddressFlags {
  readonly hostname: string;
  readonly port: string;
}

const MAIN_FLAGS: AddressFlags = { hostname: "--hostname", port: "--port" };

/** The server cannot listen. The cause is the error of the system or of Deno. */
export class ListenError extends Error {
  override readonly name = "ListenError";

  constructor(place: ListenPlace, cause: unknown, flags: AddressFlags = MAIN_FLAGS) {
    super(`Cannot listen on ${placeText(place)}: ${reasonOf(cause, place, flags)}`, { cause });
  }
}

/** Where to listen. */
export interface ListenPlace extends Pick<Deno.NetAddr, "hostname" | "port"> {
  /** The open socket of `--listen-fd`, if it is used instead. */
  readonly fd?: number | undefined;
}

/**
 * Runs `listen`.
 *
 * @param flags The flags that the error names; `--hostname` and `--port` by default.
 * @throws {ListenError} If it throws.
 */
export async function listenOn<T>(
  place: ListenPlace,
  listen: () => T | Promise<T>,
  flags?: AddressFlags,
): Promise<T> {
  try {
    return await listen();
  } catch (cause) {
    throw new ListenError(place, cause, flags);
  }
}

/** Explains in one line why the server cannot start, and what to do about it. */
export function startFailure(error: unknown): string {
  const expected = [
    ...[ListenError, TlsFileError, TokenKeyError, AdminTokenError, DataFileError, ClusterError],
  ];
  const isExplained = expected.some((each) => error instanceof each);
  return isExplained ? errorMessage(error) : `Cannot start the server: ${errorMessage(error)}`;
}

function placeText(place: ListenPlace): string {
  return place.fd === undefined ? formatAddress(place) : `the socket of --listen-fd ${place.fd}`;
}

function reasonOf(cause: unknown, { port, fd }: ListenPlace, flags: AddressFlags): string {
  const message = errorMessage(cause);
  // Errors of Deno and of node:net use the same codes.
  const { code } = cause as { code?: string };
  if (fd !== undefined && (code === "EINVAL" || code === "ENOTSOCK")) {
    return "the program that started this one has passed no TCP socket that can listen; systemd " +
      "passes one if the service has a .socket unit";
  }
  switch (code) {
    case "EADDRINUSE":
      return `another program uses this port; stop it, or choose another port with ${flags.port} ` +
        "(0 picks a free one)";
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "EINVAL":
      return `this machine does not have this address; choose another with ${flags.hostname}`;
    case "EACCES":
      return `this user may not use port ${port}; choose one above 1023 with ${flags.port}`;
    case "EMFILE":
    case "ENFILE":
      return `there are too many open files; raise \`ulimit -n\` (${message})`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host name cannot be resolved; check ${flags.hostname} (${message})`;
  }
  // Deno's own error about a host name has no code.
  return /^failed to lookup address/.test(message)
    ? `the host name cannot be resolved; check ${flags.hostname} (${message})`
    : message;
}
