import { parseDurationMs } from "./duration.ts";
import type { Flag } from "./flag.ts";
import { parseRatePerSecond } from "./rate.ts";
import { formatSizeBytes, parseSizeBytes } from "./size.ts";

/** The value of a flag, or what its text must be and the wrong text. */
export type FlagValue =
  | { readonly value: unknown }
  | { readonly mustBe: string; readonly text: string };

/**
 * Reads the value of a flag.
 *
 * @param texts What was given, in order; at least one text.
 */
export function readValue(flag: Flag, texts: readonly string[]): FlagValue {
  const text = texts.at(-1)!;
  const wrong = (mustBe: string, wrongText = text): FlagValue => ({ mustBe, text: wrongText });
  switch (flag.kind) {
    case "switch":
    case "command":
      if (/^(true|1)$/.test(text)) return { value: true };
      return /^(false|0)$/.test(text) ? { value: false } : wrong("true or false");
    case "text": {
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
      return value >= flag.min && value <= flag.max
        ? { value }
        : wrong(`from ${formatSizeBytes(flag.min)} to ${formatSizeBytes(flag.max)}`);
    }
    case "rate": {
      const value = parseRatePerSecond(text, flag.of);
      const example = flag.of === "bytes" ? "64KiB/s or 1MiB/m" : "100/s or 600/m";
      return value === undefined ? wrong(`a rate such as ${example}, or 0`) : { value };
    }
    case "duration": {
      const value = parseDurationMs(text);
      if (value === undefined) return wrong("a duration such as 250ms, 2s, or 1m");
      const { min = 0 } = flag;
      return value >= min ? { value } : wrong(`at least ${min}ms`);
    }
    case "choice":
      return flag.choices.includes(text)
        ? { value: text }
        : wrong(`one of ${flag.choices.join(", ")}`);
    case "list":
    case "each": {
      const elements = texts.flatMap((each) => flag.kind === "list" ? each.split(",") : [each])
        .map((each) => each.trim());
      const wrongOnes = elements.filter((each) => flag.check?.(each) !== undefined);
      return wrongOnes.length === 0
        ? { value: elements }
        : wrong(flag.check!(wrongOnes[0]!)!, wrongOnes.join(", "));
    }
  }
}
