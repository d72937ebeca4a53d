/** How many users do what. Those who send have the first ids, those who read nothing the last. */
export interface Roles {
  readonly senderCount: number;
  readonly slowCount: number;
}

/** What `--slow` says: so many readers, or so many percent; undefined if it says neither. */
export function parseSlow(text: string): { readonly of: (count: number) => number } | undefined {
  const match = text.match(/^(\d{1,6})(%?)$/);
  if (!match) return undefined;
  const number = Number(match[1]);
  if (match[2] === "") return { of: () => number };
  return number <= 100 ? { of: (count) => Math.round(count * number / 100) } : undefined;
}

/** Who does what, as the flags say it. */
export function rolesOf(
  { count, senders, slow }: {
    readonly count: number;
    readonly senders: number;
    readonly slow: string;
  },
): Roles {
  const slowCount = parseSlow(slow)!.of(count);
  return { slowCount, senderCount: senders === 0 ? count - slowCount : senders };
}
