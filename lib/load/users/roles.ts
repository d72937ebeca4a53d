import { parseRatePerSecond } from "../../cli/flags/rate.ts";

/** How many users have each role. Senders have the lowest ids, slow readers the highest. */
export interface Roles {
  readonly senderCount: number;
  readonly slowCount: number;
  /** How many bytes per second a slow reader reads until all messages are sent. */
  readonly slowBytesPerSecond: number;
}

/** The value of `--slow`. */
interface Slow {
  /** How many of all users are slow. */
  readonly of: (count: number) => number;
  /** 0 if they read nothing. */
  readonly bytesPerSecond: number;
}

/**
 * Parses `--slow`, such as `20`, `5%`, or, for users that read slowly, `5%:3KiB/s`.
 *
 * @returns undefined if it is invalid.
 */
export function parseSlow(text: string): Slow | undefined {
  const [, digits, percent, rate] = text.match(/^(\d{1,6})(%?)(?::(.+))?$/) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits);
  const bytesPerSecond = rate === undefined ? 0 : parseRatePerSecond(rate, "bytes");
  if (bytesPerSecond === undefined || rate !== undefined && bytesPerSecond === 0) return undefined;
  if (percent === "") return { of: () => value, bytesPerSecond };
  if (value > 100) return undefined;
  return { of: (count) => Math.round(count * value / 100), bytesPerSecond };
}

/** The roles that the flags ask for. `slow` must be valid. */
export function rolesOf(
  { count, senders, slow }: {
    readonly count: number;
    readonly senders: number;
    readonly slow: string;
  },
): Roles {
  const { of, bytesPerSecond } = parseSlow(slow)!;
  const slowCount = of(count);
  return {
    slowCount,
    senderCount: senders === 0 ? count - slowCount : senders,
    slowBytesPerSecond: bytesPerSecond,
  };
}
