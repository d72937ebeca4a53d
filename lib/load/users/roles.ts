/**
 * How many users have each role. Senders have the lowest ids, slow readers the highest, and those
 * that receive server-sent events come before the slow readers.
 */
export interface Roles {
  readonly senderCount: number;
  readonly eventCount: number;
  readonly slowCount: number;
}

/** The flags that give users their roles. */
export interface RoleFlags {
  readonly count: number;
  readonly senders: number;
  readonly publish: "socket" | "http";
  readonly sse: string;
  readonly slow: string;
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

/** The roles that the flags ask for. `sse` and `slow` must be valid. */
export function rolesOf({ count, senders, publish, sse, slow }: RoleFlags): Roles {
  const slowCount = parseShare(slow)!(count);
  const eventCount = parseShare(sse)!(count);
  const muteCount = slowCount + (publish === "http" ? 0 : eventCount);
  const senderCount = senders === 0 ? count - muteCount : senders;
  return { senderCount, eventCount, slowCount };
}
