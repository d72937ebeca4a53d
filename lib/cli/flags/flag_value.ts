import { formatDurationMs, MAX_TIMER_MS, parseDurationMs } from "./duration.ts";
import type { Flag } from "./flag.ts";
import { formatRatePerSecond, parseRatePerSecond } from "./rate.ts";
import { formatSizeBytes, parseSizeBytes } from "./size.ts";

/** The value of a flag, or why it has none. */
export type FlagValue = { readonly value: unknown } | WrongValue | NoValue;

/** What a value must be, such as "a whole number", and the wrong value as a fault shows it. */
export interface WrongValue {
  readonly mustBe: string;
  readonly shown: string;
}

/** A flag was given without a value (`--data`), or with an empty one that makes no sense. */
export interface NoValue {
  readonly lacks: "value" | "text";
}

/**
 * Reads the value of a flag.
 *
 * @param texts What was given, in order; at least one text, unless the flag is a list.
 */
export function readValue(flag: Flag, texts: readonly string[]): FlagValue {
  const text = texts.at(-1) ?? "";
  const wrong = (mustBe: string, wrongText = text): FlagValue => ({
    mustBe,
    shown: `"${wrongText}"`,
  });
  switch (flag.kind) {
    case "switch":
    case "command":
      if (/^(true|1)$/.test(text)) return { value: true };
      return /^(false|0)$/.test(text) ? { value: false } : wrong("true or false");
    case "help":
      return text === "common" || text === "all" ? { value: text } : wrong("all, or have no value");
    case "text": {
      if (text.trim() === "" && !flag.allowsEmptyText) return { lacks: "text" };
      const mustBe = flag.check?.(text);
      return mustBe === undefined ? { value: text } : wrong(mustBe);
    }
    case "integer": {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
      return value >= flag.min && value <= flag.max
        ? { value }
        : wrong(`a whole number from ${flag.min} to ${flag.max}`);
    }
    case "size": {
      const value = parseSizeBytes(text);
      if (value === undefined) return wrong("a size such as 1000, 64KiB, or 16MiB");
      const { min, max, zeroDisables } = flag;
      if ((value >= min && value <= max) || (zeroDisables && value === 0)) return { value };
      return wrong(
        `${zeroDisables ? "0, or " : ""}from ${formatSizeBytes(min)} to ${formatSizeBytes(max)}`,
      );
    }
    case "rate": {
      const value = parseRatePerSecond(text, flag.of);
      const example = flag.of === "bytes" ? "64KiB/s or 1MiB/m" : "100/s or 600/m";
      return value === undefined ? wrong(`a rate such as ${example}, or 0`) : { value };
    }
    case "duration": {
      const value = parseDurationMs(text);
      if (value === undefined) return wrong("a duration such as 250ms, 2s, or 1m");
      const { min = 0, max = MAX_TIMER_MS } = flag;
      if (value < min) return wrong(`at least ${min}ms`);
      return value <= max ? { value } : wrong(`at most ${formatDurationMs(max)}`);
    }
    case "choice":
      return flag.choices.includes(text)
        ? { value: text }
        : wrong(`one of ${flag.choices.join(", ")}`);
    case "list":
    case "each": {
      const split = (text: string): string[] => {
        if (flag.kind === "each") return [text];
        return text.trim() === "" && !flag.refusesEmptyText ? [] : text.split(",");
      };
      const elements = texts.flatMap(split).map((each) => each.trim());
      const wrongOnes = elements.filter((each) => flag.check?.(each) !== undefined);
      return wrongOnes.length === 0
        ? { value: elements }
        : wrong(flag.check!(wrongOnes[0]!)!, maskOf(flag)(wrongOnes.join(", ")));
    }
  }
}

/** Formats a value with its unit, as `--check-config` and `--help` show it. */
export function formatValue(flag: Flag, value: unknown): string {
  switch (flag.kind) {
    case "duration":
      return formatDurationMs(value as number);
    case "size":
      return formatSizeBytes(value as number);
    case "rate":
      return formatRatePerSecond(value as number, flag.of);
    case "text":
      return JSON.stringify(value);
    case "list":
    case "each":
      return JSON.stringify((value as readonly string[]).map(maskOf(flag)));
    default:
      return String(value);
  }
}

function maskOf(flag: Flag & { readonly kind: "list" | "each" }): (text: string) => string {
  return flag.mask ?? ((text) => text);
}
