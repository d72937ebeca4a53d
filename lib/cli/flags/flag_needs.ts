import { type ConfigOf, flagName, type FlagTable, withVariable } from "./flag.ts";
import { formatValue } from "./flag_value.ts";

/** For flags that have an effect only if another one is set: the keys of those others. */
export type FlagNeeds<T extends FlagTable> = {
  readonly [Key in keyof T]?: readonly (keyof T & string)[];
};

/**
 * Reports flags without an effect: they are set, but none of those that they need is. A flag is set
 * if its value is not the default. One sentence for each.
 */
export function unmetNeeds<T extends FlagTable>(
  table: T,
  config: ConfigOf<T>,
  needs: FlagNeeds<T>,
): readonly string[] {
  const isSet = (key: keyof T & string) => {
    const flag = table[key]!;
    return formatValue(flag, config[key]) !== formatValue(flag, flag.default);
  };
  const nameOf = (key: keyof T & string) => withVariable(flagName(key, table[key]!));
  return Object.entries<readonly (keyof T & string)[] | undefined>(needs)
    .filter(([key, needed = []]) => isSet(key) && !needed.some(isSet))
    .map(([key, needed = []]) =>
      `Cannot use ${nameOf(key)} without ${eitherOf(needed.map(nameOf))}`
    );
}

/** Returns `A: it is not set`, `A or B: neither is set`, or `A, B, or C: none of them is set`. */
function eitherOf(names: readonly string[]): string {
  const last = names.at(-1)!;
  if (names.length === 1) return `${last}: it is not set`;
  return names.length === 2
    ? `${names[0]} or ${last}: neither is set`
    : `${names.slice(0, -1).join(", ")}, or ${last}: none of them is set`;
}
