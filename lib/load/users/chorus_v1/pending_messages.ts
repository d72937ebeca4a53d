/** A message that was sent and has no answer yet. */
export interface PendingMessage {
  readonly seq: number;
  /** When it was due, and how much later it was first sent, in microseconds. */
  readonly plannedUs: number;
  readonly lateUs: number;
}

/** A message that has its answer. If it was forgotten, its sequence number is all that is known. */
export type AnsweredMessage = PendingMessage | Pick<PendingMessage, "seq">;

/** How many of the last messages of a sender may be pending. */
const MAX_PENDING = 2 ** 16;

const FIRST_CAPACITY = 64;

/**
 * The messages of one sender that have no answer yet, by sequence number.
 *
 * It holds 12 bytes for each message since the oldest pending one, and at most 65,536 messages. It
 * forgets older ones, and knows only how many of them have no answer.
 */
export class PendingMessages {
  /** When each message was due; NaN if it has its answer. The place is `seq` modulo the length. */
  #planned = new Float64Array(FIRST_CAPACITY);
  #late = new Uint32Array(FIRST_CAPACITY);
  /** The oldest sequence number that may be pending. */
  #from = 0;
  /** The next sequence number. */
  #until = 0;
  /** The sequence number after the last one that is forgotten. */
  #forgottenUntil = 0;
  /** How many messages have no answer, including those that are forgotten. */
  count = 0;
  /** How many of them are forgotten. */
  forgottenCount = 0;

  /** Adds the next message. */
  add({ seq, plannedUs, lateUs }: PendingMessage): void {
    if (this.#until === this.#from) this.#from = seq;
    this.#until = seq + 1;
    if (this.#until - this.#from > this.#planned.length) this.#grow();
    const place = seq % this.#planned.length;
    this.#planned[place] = plannedUs;
    this.#late[place] = lateUs;
    this.count++;
  }

  /** Removes a message that has its answer. @returns undefined if it was not pending. */
  take(seq: number): AnsweredMessage | undefined {
    if (!Number.isInteger(seq) || seq < 0 || seq >= this.#until) return undefined;
    if (seq < this.#from) return this.#takeForgotten(seq);
    const place = seq % this.#planned.length;
    const message = { seq, plannedUs: this.#planned[place]!, lateUs: this.#late[place]! };
    if (Number.isNaN(message.plannedUs)) return undefined;
    this.#planned[place] = NaN;
    this.count--;
    while (this.#from < this.#until && this.#isAnswered(this.#from)) this.#from++;
    return message;
  }

  /** The pending messages, in the order in which they were sent. */
  *[Symbol.iterator](): Generator<PendingMessage> {
    for (let seq = this.#from; seq < this.#until; seq++) {
      if (this.#isAnswered(seq)) continue;
      const place = seq % this.#planned.length;
      yield { seq, plannedUs: this.#planned[place]!, lateUs: this.#late[place]! };
    }
  }

  #takeForgotten(seq: number): AnsweredMessage | undefined {
    if (seq >= this.#forgottenUntil || this.forgottenCount === 0) return undefined;
    this.forgottenCount--;
    this.count--;
    return { seq };
  }

  #isAnswered(seq: number): boolean {
    return Number.isNaN(this.#planned[seq % this.#planned.length]!);
  }

  #grow(): void {
    if (this.#planned.length === MAX_PENDING) {
      this.#forgetOldest();
      return;
    }
    const [planned, late] = [this.#planned, this.#late];
    const capacity = 2 * planned.length;
    this.#planned = new Float64Array(capacity);
    this.#late = new Uint32Array(capacity);
    for (let seq = this.#from; seq < this.#until - 1; seq++) {
      this.#planned[seq % capacity] = planned[seq % planned.length]!;
      this.#late[seq % capacity] = late[seq % late.length]!;
    }
  }

  #forgetOldest(): void {
    this.forgottenCount++;
    this.#forgottenUntil = ++this.#from;
    while (this.#isAnswered(this.#from)) this.#from++;
  }
}
