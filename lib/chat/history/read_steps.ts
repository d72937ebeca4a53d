import type { Message } from "../message.ts";

/**
 * Messages per read. The first read takes `first`, and each next as many as were read so far, up to
 * `max`. Messages may be long, so reads start small.
 */
const STEP_MESSAGES = { first: 32, max: 256 };

/** The bounds of the messages to read. */
export interface ReadBounds {
  /** The maximum number of messages. */
  readonly limit: number;
  /** No more messages once their bodies have this many characters together. */
  readonly maxLength: number;
}

/** How many messages to read next, if so many were read before. */
export function nextStep(readCount: number, limit: number): number {
  const { first, max } = STEP_MESSAGES;
  return Math.min(limit - readCount, Math.max(first, readCount), max);
}

/**
 * Reads the newest messages up to a sequence number, in steps, until it meets a bound or a gap.
 *
 * @param read Returns the newest messages up to a sequence number, in order, at most this many. It
 * returns none only if there are none.
 * @returns The messages, in order.
 */
export function readBackwards(
  upTo: number,
  { limit, maxLength }: ReadBounds,
  read: (upTo: number, limit: number) => Message[],
): Message[] {
  const newestFirst: Message[] = [];
  let length = 0;
  for (let last = upTo; newestFirst.length < limit && length < maxLength;) {
    const messages = read(last, nextStep(newestFirst.length, limit));
    if (messages.length === 0) break;
    for (const message of messages.toReversed()) {
      const next = newestFirst.at(-1);
      if (length >= maxLength || next && next.seq !== message.seq + 1) {
        return newestFirst.reverse();
      }
      newestFirst.push(message);
      length += message.body.length;
    }
    last = messages[0]!.seq - 1;
  }
  return newestFirst.reverse();
}
