import { parseRatePerSecond } from "../../cli/flags/rate.ts";

/**
 * How many users have each role. Senders have the lowest ids, slow readers the highest, and those
 * that receive server-sent events come before the slow readers.
 */
export interface Roles {
  readonly senderCount: number;
  readonly eventCount: number;
  readonly slowCount: number;
  /** How many bytes per second a slow reader reads until all messages are sent. */
  readonly slowBytesPerSecond: number;
}

/** The flags that give users their roles. */
export interface RoleFlags {
  readonly count: number;
  readonly senders: number;
  readonly publish: "socket" | "http";
  readonly sse: string;
  readonly slow: string;
}

/** The value of `--slow`. */
interface Slow {
  /** How many of all users are slow. */
  readonly of: (count: number) => number;
  /** 0 if they read nothing. */
  readonly bytesPerSecond: number;
}

/**
 * Parses a number or percentage of users.
 *
 * @returns How many of `count` users it is; undefined if the text is invalid.
 */
export function parseShare(text: string): ((count: number) => number) | undefined {
  const match = text.match(/^(\d{1,6})(%?)$/);
  if (!match) return undefined;
  const value = Number(match[1]);
  if (match[2] === "") return () => value;
  return value <= 100 ? (count) => Math.round(count * value / 100) : undefined;
}

/**
 * Parses `--slow`, such as `20`, `5%`, or, for users that read slowly, `5%:3KiB/s`.
 *
 * @returns undefined if it is invalid.
 */
export function parseSlow(text: string): Slow | undefined {
  const [, share = "", rate] = text.match(/^([^:]+)(?::(.+))?$/) ?? [];
  const of = parseShare(share);
  const bytesPerSecond = rate === undefined ? 0 : parseRatePerSecond(rate, "bytes");
  if (!of || bytesPerSecond === undefined) return undefined;
  return rate !== undefined && bytesPerSecond === 0 ? undefined : { of, bytesPerSecond };
}

/** The roles that the flags ask for. `sse` and `slow` must be valid. */
export function rolesOf({ count, senders, publish, sse, slow }: RoleFlags): Roles {
  const { of, bytesPerSecond } = parseSlow(slow)!;
  const slowCount = of(count);
  const eventCount = parseShare(sse)!(count);
  const muteCount = slowCount + (publish === "http" ? 0 : eventCount);
  const senderCount = senders === 0 ? count - muteCount : senders;
  return { senderCount, eventCount, slowCount, slowBytesPerSecond: bytesPerSecond };
}
