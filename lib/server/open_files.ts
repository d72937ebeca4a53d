import type { ServerConfig } from "./config.ts";
import { LIMIT_FLAGS } from "./flags/limit_flags.ts";
import { isLoopback } from "./security/origin.ts";

/** The files that the server needs besides one for each connection. */
const OTHER_FILES = 100;

/** The check gives up after this time. It takes about 5 µs for a file. */
const MAX_CHECK_MS = 500;

/** The values that {@linkcode findOpenableFiles} depends on. */
export type OpenFilesConfig = Pick<
  ServerConfig,
  "hostname" | "listenFd" | "maxConnections" | "trustProxy"
>;

/** What {@linkcode findOpenableFiles} needs from the system. */
export interface OpenFilesOptions {
  /** Opens a file. */
  readonly open: () => { close(): void };
  readonly monotonicMs: () => number;
}

const SYSTEM: OpenFilesOptions = {
  open: () => Deno.openSync(new URL(import.meta.url)),
  monotonicMs: () => performance.now(),
};

/**
 * Checks that this process may open as many files as `--max-connections` needs. Deno raises the
 * soft limit to the hard one by itself, but tells neither, and reads `/proc/self/limits` only with
 * `--allow-all`. So the check opens that many files, and closes them again: call it before the
 * server accepts connections.
 *
 * A server that looks like one developer's is not checked: it listens on loopback, trusts no proxy,
 * and has the default `--max-connections`.
 *
 * @returns How many files can be opened; undefined if that is enough, or unknown.
 */
export function findOpenableFiles(
  { hostname, listenFd, maxConnections, trustProxy }: OpenFilesConfig,
  options = SYSTEM,
): number | undefined {
  const isDefault = maxConnections === LIMIT_FLAGS.maxConnections.default;
  const isOnLoopback = listenFd === "none" && isLoopback(hostname);
  const isLocal = isOnLoopback && trustProxy.length === 0 && isDefault;
  return isLocal || maxConnections === 0
    ? undefined
    : countOpenable(maxConnections + OTHER_FILES, options);
}

/** Returns a warning that says what to do if this process can open only so many files. */
export function openFilesWarning(
  { maxConnections }: Pick<OpenFilesConfig, "maxConnections">,
  openableFiles: number,
): string {
  const needed = maxConnections + OTHER_FILES;
  const limit = 2 ** Math.ceil(Math.log2(needed));
  const files = openableFiles === 1 ? "file" : "files";
  return `This process can open only ${openableFiles} more ${files}, but --max-connections ` +
    `${maxConnections} needs ${needed}: run "ulimit -n ${limit}" in the shell that starts the ` +
    `server, set LimitNOFILE=${limit} in its systemd unit, or lower --max-connections`;
}

/** Returns how many files can be opened; undefined if enough can, or if that is unknown. */
function countOpenable(
  needed: number,
  { open, monotonicMs }: OpenFilesOptions,
): number | undefined {
  const files: { close(): void }[] = [];
  const deadlineMs = monotonicMs() + MAX_CHECK_MS;
  try {
    while (files.length < needed && monotonicMs() < deadlineMs) files.push(open());
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string };
    return code === "EMFILE" || code === "ENFILE" ? files.length : undefined;
  } finally {
    for (const file of files) file.close();
  }
}
