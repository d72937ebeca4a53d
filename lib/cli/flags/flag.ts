import type { RateOf } from "./rate.ts";

interface FlagBase {
  /** One line for `--help` and the manual. */
  readonly help: string;
  /** A one-letter alias, without its dash. */
  readonly short?: string;
  /** Set on the few flags that most people need: the first screen of `--help` shows only these. */
  readonly isCommon?: true;
}

/** A command line flag. Its kind decides how its text is read and what type its value has. */
export type Flag = FlagBase & FlagKind;

/** Returns what a text must be (`"an origin"`), or undefined if it is right. */
type Check = (text: string) => string | undefined;

type FlagKind =
  | { readonly kind: "switch"; readonly default: boolean }
  /** Makes the program do something else, such as `--version`. It has no environment variable. */
  | { readonly kind: "command"; readonly default: false }
  /** A command that takes an optional {@linkcode HelpTopic}. */
  | { readonly kind: "help"; readonly default: false }
  | {
    readonly kind: "text";
    readonly default: string;
    /** The placeholder of the value in `--help`. */
    readonly value: string;
    /** Set if an empty text makes sense. Otherwise it is a mistake, such as an unset variable. */
    readonly allowsEmptyText?: true;
    /** Checks a text that is not empty. */
    readonly check?: Check;
  }
  | {
    readonly kind: "integer";
    readonly default: number;
    readonly value: string;
    readonly min: number;
    readonly max: number;
  }
  /** All numbers are in bytes. */
  | {
    readonly kind: "size";
    readonly default: number;
    readonly min: number;
    readonly max: number;
    /** Whether 0 is possible, too: it disables what the flag sets. */
    readonly zeroDisables?: true;
  }
  /** The default and the parsed value are per second; 0 disables the limit. */
  | { readonly kind: "rate"; readonly default: number; readonly of: RateOf }
  /** All numbers and the parsed value are in milliseconds. */
  | {
    readonly kind: "duration";
    readonly default: number;
    readonly min?: number;
    /** The longest time that a timer can wait (596h), if nothing else is set. */
    readonly max?: number;
  }
  | { readonly kind: "choice"; readonly default: string; readonly choices: readonly string[] }
  | {
    /**
     * Both may be repeated. A `list` is also split at commas, and an empty text is an empty list;
     * `each` is one element per flag.
     */
    readonly kind: "list" | "each";
    readonly default: readonly string[];
    readonly value: string;
    /** Set on a list that, if it is empty, allows everything: then an empty text is a mistake. */
    readonly refusesEmptyText?: true;
    /** Checks one element. */
    readonly check?: Check;
    /** Hides the secrets of a text. `--check-config` and faults show only what it returns. */
    readonly mask?: (text: string) => string;
  };

/** What `--help` prints: the common flags, which it does without a value, or all of them. */
export type HelpTopic = "common" | "all";

/**
 * The flags of a program, by the names of their values in its configuration. `drainTimeoutMs` of
 * kind `duration` is `--drain-timeout` on the command line and `CHORUS_DRAIN_TIMEOUT` in the
 * environment.
 */
export type FlagTable = Readonly<Record<string, Flag>>;

/** Flags that belong together, under a title of one or two words. */
export interface FlagGroup {
  readonly title: string;
  /** A few words about the flags, for the first screen of `--help`. */
  readonly hint: string;
  readonly flags: FlagTable;
}

/** The configuration that a flag table describes. Every value is resolved; nothing is optional. */
export type ConfigOf<T extends FlagTable> = { readonly [Key in keyof T]: ValueOf<T[Key]> };

type ValueOf<F extends Flag> = F extends { kind: "switch" | "command" } ? boolean
  : F extends { kind: "help" } ? false | HelpTopic
  : F extends { kind: "integer" | "size" | "rate" | "duration" } ? number
  : F extends { kind: "choice"; choices: readonly (infer Choice)[] } ? Choice
  : F extends { kind: "list" | "each" } ? readonly string[]
  : string;

/** The flags that every program has. */
export const COMMON_FLAGS = {
  help: {
    kind: "help",
    default: false,
    short: "h",
    isCommon: true,
    help: "Print the common flags, or all of them, and exit",
  },
  version: { kind: "command", default: false, help: "Print the version and exit" },
} as const satisfies FlagTable;

/** Returns the flag of a configuration key, with its dashes: `--drain-timeout`. */
export function flagName(key: string, flag: Flag): string {
  const stem = flag.kind === "duration" ? key.replace(/Ms$/, "") : key;
  return "--" + stem.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
}

/** Returns the environment variable of a flag: `CHORUS_DRAIN_TIMEOUT` for `--drain-timeout`. */
export function environmentName(name: string): string {
  return "CHORUS_" + name.slice(2).replaceAll("-", "_").toUpperCase();
}

/** Names a flag with its variable: `--drain-timeout (CHORUS_DRAIN_TIMEOUT)`. */
export function withVariable(name: string): string {
  return `${name} (${environmentName(name)})`;
}

/** Returns what stands for the value of a flag in `--help`, such as `FILE`; "" if it has none. */
export function valuePlaceholder(flag: Flag): string {
  switch (flag.kind) {
    case "switch":
    case "command":
      return "";
    case "help":
      return "[all]";
    case "choice":
      return flag.choices.join("|");
    case "duration":
      return "DURATION";
    case "size":
      return "SIZE";
    case "rate":
      return "RATE";
    default:
      return flag.value;
  }
}

/** Whether a flag is a setting, which the environment may also set. Commands are not. */
export function isSetting(flag: Flag): boolean {
  return flag.kind !== "command" && flag.kind !== "help";
}
