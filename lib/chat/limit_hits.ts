/** The limits whose hits are counted. */
export const LIMITS = [
  "connections",
  "connections_per_address",
  "handshakes_per_address",
  "publishes_per_address",
  "messages",
  "bytes",
  "message_size",
  "head_size",
  "rooms",
  "room_members",
] as const;

/** A limit whose hits are counted. */
export type Limit = typeof LIMITS[number];

/** How often clients ran into each limit. The code that enforces a limit adds to it. */
export type LimitHits = Record<Limit, number>;

/** Creates counters that stand at 0. */
export function createLimitHits(): LimitHits {
  return Object.fromEntries(LIMITS.map((limit) => [limit, 0])) as LimitHits;
}
