import { packPosition } from "./packed_position.ts";

/** How many messages are remembered, of all senders together. */
const WINDOW_MESSAGES = 2 ** 22;

/** The memory of a {@linkcode SentWindow}, which all threads share. It is used as it fills. */
export interface SharedWindow {
  /** For each message, in which round its place was last reached; 0 if never. */
  readonly reached: Uint8Array<SharedArrayBuffer>;
  /** For each message, its packed position in its room; 0 if it has no ack. */
  readonly positions: Float64Array<SharedArrayBuffer>;
}

/** Makes the memory of a {@linkcode SentWindow}. */
export function createSharedWindow(): SharedWindow {
  return {
    reached: new Uint8Array(new SharedArrayBuffer(WINDOW_MESSAGES)),
    positions: new Float64Array(new SharedArrayBuffer(8 * WINDOW_MESSAGES)),
  };
}

/**
 * Remembers of each of the last messages whether it has reached anybody, and its ack.
 *
 * It remembers the last 4,194,304 messages, and equally many of each sender, in 9 bytes each. It
 * knows nothing of earlier ones.
 */
export class SentWindow {
  /** How many messages of each sender are remembered: a power of two. */
  readonly perSender: number;
  readonly #perSenderBits: number;
  readonly #reached: Uint8Array;
  readonly #positions: Float64Array;

  constructor({ reached, positions }: SharedWindow, senderCount: number) {
    this.#perSenderBits = Math.floor(Math.log2(WINDOW_MESSAGES / senderCount));
    this.perSender = 2 ** this.#perSenderBits;
    this.#reached = reached;
    this.#positions = positions;
  }

  /** The first sequence number that is remembered of a sender that has sent this many messages. */
  firstOf(sentCount: number): number {
    return Math.max(0, sentCount - this.perSender);
  }

  /** Records that a message is sent. Its place may have been that of an earlier one. */
  onSent(sender: number, seq: number): void {
    this.#positions[this.#placeOf(sender, seq)] = 0;
  }

  /** Records that a message has reached a receiver. */
  onReached(sender: number, seq: number): void {
    const place = this.#placeOf(sender, seq);
    const round = this.#roundOf(seq);
    // Most messages are reached by many receivers. Reading is cheaper than writing.
    if (this.#reached[place] !== round) this.#reached[place] = round;
  }

  /** Records that the server has committed a message, and at which position. */
  onAcked(sender: number, seq: number, position: string): void {
    this.#positions[this.#placeOf(sender, seq)] = packPosition(position);
  }

  /** Whether a message has reached a receiver. */
  isReached(sender: number, seq: number): boolean {
    return this.#reached[this.#placeOf(sender, seq)] === this.#roundOf(seq);
  }

  /** The packed position of a message; 0 if it has no ack. */
  positionOf(sender: number, seq: number): number {
    return this.#positions[this.#placeOf(sender, seq)]!;
  }

  #placeOf(sender: number, seq: number): number {
    return sender * this.perSender + (seq & (this.perSender - 1));
  }

  /** Distinguishes messages that have the same place, so that places need not be cleared. */
  #roundOf(seq: number): number {
    return 1 + (seq >>> this.#perSenderBits) % 255;
  }
}
