import { type ConfigFile, ConfigFileError, readConfigFile } from "./config_file.ts";
import { type ConfigOf, environmentName, type Flag, type FlagTable } from "./flag.ts";
import { type ParsedFlags, parseFlags } from "./flags.ts";

/** A flag table with `--config FILE`. */
export type ConfigurableTable = FlagTable & { readonly config: Flag & { readonly kind: "text" } };

/** The input of {@linkcode parseConfiguration}. */
export interface ConfigurationInput<T extends FlagTable> {
  readonly args: readonly string[];
  /** Looks up an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Returns the text of a file, or throws. */
  readonly readTextFile: (path: string) => string;
  /** Finds values that are valid alone but not together; one sentence for each. */
  readonly findFaults: (config: ConfigOf<T>) => readonly string[];
}

/**
 * Reads a configuration from the command line, the environment, and the file that `--config` names.
 * Never throws: `faults` lists all configuration errors together, also those of the file.
 */
export function parseConfiguration<T extends ConfigurableTable>(
  table: T,
  { args, env, readTextFile, findFaults }: ConfigurationInput<T>,
): ParsedFlags<T> {
  const withoutFile = parseFlags(table, { args, env });
  const path = withoutFile.config.config as string;
  let file: ConfigFile | undefined;
  // Without the values of the file, `findFaults` would find faults that are none.
  if (path === "" && withoutFile.sources.config !== "default") return withoutFile;
  try {
    if (path !== "") file = readConfigFile(path, readTextFile);
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    const place = withoutFile.sources.config === "flag" ? "--config" : environmentName("--config");
    const fault = `Cannot read ${place} ${path}: ${error.message}`;
    return { ...withoutFile, faults: [...withoutFile.faults, fault] };
  }
  const parsed = file ? parseFlags(table, { args, env, file }) : withoutFile;
  return { ...parsed, faults: [...parsed.faults, ...findFaults(parsed.config)] };
}
