import type { ConfigurableTable } from "./configuration.ts";
import { environmentName, flagName, isSetting } from "./flag.ts";
import { formatValue } from "./flag_value.ts";
import type { ParsedFlags, Source } from "./flags.ts";

/**
 * Returns what `--check-config` prints: each flag, its value, and the source of the value, in the
 * order of the table. The source is `flag`, the name of a variable, the path of the file, or
 * `default`.
 */
export function configText<T extends ConfigurableTable>(
  table: T,
  { config, sources }: Pick<ParsedFlags<T>, "config" | "sources">,
): string {
  const shownSource = (name: string, source: Source): string =>
    source === "environment"
      ? environmentName(name)
      : source === "file"
      ? config.config as string
      : source;
  const rows = Object.entries(table).filter(([, flag]) => isSetting(flag)).map(([key, flag]) => {
    const name = flagName(key, flag);
    const value = formatValue(flag, config[key as keyof T]);
    return [name, value, shownSource(name, sources[key as keyof T])];
  });
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length));
  const [nameWidth, valueWidth] = [width(0), width(1)];
  return rows.map(([name, value, source]) =>
    `${name!.padEnd(nameWidth)}  ${value!.padEnd(valueWidth)}  ${source}`
  ).join("\n");
}
