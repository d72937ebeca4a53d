import { parseFlags } from "../cli/flags/flags.ts";
import { clientFaults, countFaults } from "./client_faults.ts";
import { CLIENT_FLAGS, type ClientConfig } from "./config.ts";
import { type Asked, askedOf } from "./report/asked.ts";
import type { Baseline } from "./report/comparison.ts";
import { readBaseline } from "./report/saved_run/saved_run.ts";
import { readUsersFile, type UserLine } from "./users/users_file.ts";

/** What the command line of the client asks for. Use the rest only if `faults` is empty. */
export interface ClientCommand {
  readonly config: ClientConfig;
  /** The same for reports. */
  readonly asked: Asked;
  /** The lines of `--users`. */
  readonly userLines: readonly UserLine[];
  /** The run of `--baseline`. */
  readonly baseline: Baseline | undefined;
  /** One sentence for each fault of the flags. */
  readonly faults: readonly string[];
}

/**
 * Reads the command line of the client and, if its flags have no fault, the files of `--users` and
 * `--baseline`.
 *
 * @throws {UsersFileError} If the file of `--users` cannot be read, or is invalid.
 * @throws {SavedRunError} If the file of `--baseline` cannot be read, or is invalid.
 */
export async function readCommand(args: readonly string[]): Promise<ClientCommand> {
  const { config: given, sources, faults: invalid } = parseFlags(CLIENT_FLAGS, { args });
  const faults = [...invalid, ...clientFaults(given, sources)];
  const isRun = !given.help && !given.version;
  const isRead = isRun && given.users !== "" && faults.length === 0;
  const userLines = isRead ? await readUsersFile(given.users) : [];
  const config = { ...given, count: userLines.length || given.count };
  // The number of users is known only with the file.
  if (isRead || given.users === "") faults.push(...countFaults(config));
  const hasBaseline = isRun && faults.length === 0 && config.baseline !== "";
  return {
    config,
    asked: askedOf(config, sources),
    userLines,
    baseline: hasBaseline ? readBaseline(config.baseline) : undefined,
    faults,
  };
}
