/** How many users have each role. Senders have the lowest ids, slow readers the highest. */
export interface Roles {
  readonly senderCount: number;
  readonly slowCount: number;
}

/** Parses `--slow`. @returns How many of `count` users are slow; undefined if it is invalid. */
export function parseSlow(text: string): ((count: number) => number) | undefined {
  const match = text.match(/^(\d{1,6})(%?)$/);
  if (!match) return undefined;
  const value = Number(match[1]);
  if (match[2] === "") return () => value;
  return value <= 100 ? (count) => Math.round(count * value / 100) : undefined;
}

/** The roles that the flags ask for. `slow` must be valid. */
export function rolesOf(
  { count, senders, slow }: {
    readonly count: number;
    readonly senders: number;
    readonly slow: string;
  },
): Roles {
  const slowCount = parseSlow(slow)!(count);
  return { slowCount, senderCount: senders === 0 ? count - slowCount : senders };
}
