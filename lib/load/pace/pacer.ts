/** Says when messages are due, regardless of the server's pace. */
export interface Pacer {
  /**
   * When the message with this index is due, in milliseconds after the first may be due. Infinity
   * if it never is. Later messages are never due before earlier ones.
   *
   * An index may have a fraction, so that several threads can share a rate.
   */
  dueMs(index: number): number;
}

/** A rate that does not change. The first message is due at 0. */
export function constantPacer(ratePerSecond: number): Pacer {
  return { dueMs: (index) => index * 1000 / ratePerSecond };
}

/** Which of the messages of a {@linkcode Pacer} a thread sends. */
export interface Share {
  /** How many of them, from 0 to 1. */
  readonly part: number;
  /** How many messages are due before its first one, so that the threads take turns. */
  readonly offset: number;
}

/** One thread's share of a rate. */
export function sharedPacer(pacer: Pacer, { part, offset }: Share): Pacer {
  return { dueMs: (index) => pacer.dueMs(index / part + offset) };
}
