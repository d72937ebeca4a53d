import { formatSizeBytes, parseSizeBytes } from "./size.ts";

/** What a rate counts. */
export type RateOf = "count" | "bytes";

const UNIT_SECONDS = { s: 1, m: 60, h: 3600 } as const;

/**
 * Parses a rate such as `100/s`, `600/m`, or, in bytes, `64KiB/s`. Only `0` needs no unit.
 *
 * @returns How many per second, or undefined if the text is not a rate.
 */
export function parseRatePerSecond(text: string, of: RateOf): number | undefined {
  if (text === "0") return 0;
  const [, amount, unit] = text.match(/^(.+)\/([smh])$/) ?? [];
  if (amount === undefined) return undefined;
  const isCount = /^\d{1,15}(\.\d+)?$/.test(amount);
  const count = of === "bytes" ? parseSizeBytes(amount) : isCount ? Number(amount) : undefined;
  return count === undefined ? undefined : count / UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
}

/**
 * Formats a rate in the shortest time that makes it a whole number, or else in hours: 100 as
 * `100/s`.
 */
export function formatRatePerSecond(ratePerSecond: number, of: RateOf): string {
  if (ratePerSecond === 0) return "0";
  for (const unit of ["s", "m", "h"] as const) {
    const count = ratePerSecond * UNIT_SECONDS[unit];
    const whole = Math.round(count);
    // A division by 60 and its inverse do not always give the same number again.
    if (whole === 0 || Math.abs(count - whole) > 1e-6) continue;
    return `${of === "bytes" ? formatSizeBytes(whole) : whole}/${unit}`;
  }
  return `${Number((ratePerSecond * UNIT_SECONDS.h).toPrecision(12))}/h`;
}
