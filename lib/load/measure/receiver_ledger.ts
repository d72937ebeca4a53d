import { Gaps } from "./gaps.ts";
import type { MessageName, ReceiverPlan, SeqRange } from "./receiver_plan.ts";
import type { TextFormat } from "./text_check.ts";

/** Nothing has arrived from a sender, and nothing is expected. */
const UNSETTLED = -(2 ** 31);

/** The messages that a receiver lacked when it saw a message that another had seen after them. */
export interface LateMessages {
  /** They have smaller sequence numbers than this. */
  readonly until: number;
  /** The other user's id. */
  readonly viewer: number;
  /** The message that came before them. */
  readonly before: MessageName;
}

/**
 * What one receiver has received.
 *
 * For each sender of the room it stores the sequence number of the next message, 0 or more, in 4
 * bytes. While nothing has arrived from the sender, it stores -1 - S instead, where S is the first
 * sequence number that is expected. Missing sequence numbers are stored too, until they arrive.
 */
export class ReceiverLedger {
  readonly plan: ReceiverPlan;
  /** What is known of how messages reach it. */
  readonly format: TextFormat;
  /** The senders whose messages arrived last, the latest first; -1 if there is none. */
  readonly lastSenders: [number, number, number] = [-1, -1, -1];
  /** Messages that may prove that it has another order, by sender; undefined if there are none. */
  late: Map<number, LateMessages> | undefined;
  /** How many messages each sender of the room has sent. */
  readonly #sent: Int32Array;
  readonly #next: Int32Array;
  readonly #gaps = new Map<number, Gaps>();
  /** How many sequence numbers are missing. */
  missingCount = 0;
  /** Whether messages are expected. */
  isSettled = false;

  /** @param sentBySender How many messages each sender of the run has sent. */
  constructor(plan: ReceiverPlan, format: TextFormat, sentBySender: Int32Array) {
    const { firstSender, senderCount } = plan.room;
    this.format = format;
    this.plan = plan;
    this.#sent = sentBySender.subarray(firstSender, firstSender + senderCount);
    this.#next = new Int32Array(senderCount).fill(UNSETTLED);
  }

  /** Whether a sender is in the receiver's room. */
  isInRoom(sender: number): boolean {
    const at = sender - this.plan.room.firstSender;
    return at >= 0 && at < this.#next.length;
  }

  /** From now on, expects every message of each sender from which nothing has arrived. */
  settle(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    const next = this.#next;
    for (let at = 0; at < next.length; at++) {
      if (next[at] === UNSETTLED) next[at] = -1 - this.#sent[at]!;
    }
  }

  /** Records that a message of a sender of the room arrived. */
  receive(sender: number, seq: number): "in order" | "reordered" | "duplicated" {
    const at = sender - this.plan.room.firstSender;
    const next = this.#next[at]!;
    if (seq === next) {
      this.#next[at] = next + 1;
      return "in order";
    }
    if (next < 0 || seq > next) {
      // If nothing was expected yet, an early message leaves no gap.
      const expected = next === UNSETTLED ? seq : next < 0 ? -1 - next : next;
      if (seq > expected) this.#miss(sender, expected, seq);
      this.#next[at] = seq + 1;
      return "in order";
    }
    if (!this.#gaps.get(sender)?.take(seq)) return "duplicated";
    this.missingCount--;
    return "reordered";
  }

  /** Whether a message was sent to the receiver and has not arrived. */
  isExpected(sender: number, seq: number): boolean {
    if (!this.isInRoom(sender) || sender === this.plan.sender) return false;
    const at = sender - this.plan.room.firstSender;
    if (seq >= this.#sent[at]!) return false;
    const next = this.#next[at]!;
    return seq >= (next < 0 ? -1 - next : next) || (this.#gaps.get(sender)?.has(seq) ?? false);
  }

  /**
   * The sequence number that is next from a sender of the room; -1 if nothing has arrived from it,
   * and nothing is expected.
   */
  nextOf(sender: number): number {
    const next = this.#next[sender - this.plan.room.firstSender]!;
    return next >= 0 ? next : next === UNSETTLED ? -1 : -1 - next;
  }

  /** Whether a message of a sender has arrived. */
  hasHeard(sender: number): boolean {
    return this.#next[sender - this.plan.room.firstSender]! >= 0;
  }

  /** How many messages are still expected, including the missing ones. */
  get outstanding(): number {
    let outstanding = this.missingCount;
    if (!this.isSettled) return outstanding;
    const { room: { firstSender }, sender } = this.plan;
    const next = this.#next;
    for (let at = 0; at < next.length; at++) {
      const each = next[at]!;
      const expected = each < 0 ? -1 - each : each;
      if (at + firstSender !== sender) outstanding += Math.max(0, this.#sent[at]! - expected);
    }
    return outstanding;
  }

  /** The messages that were skipped and have not arrived since. */
  *missing(): Generator<SeqRange> {
    for (const [sender, gaps] of this.#gaps) {
      for (const [from, until] of gaps.ranges()) yield { sender, from, until };
    }
  }

  /** The messages that are expected after the last one of each sender. */
  *expected(): Generator<SeqRange> {
    if (!this.isSettled) return;
    const { room: { firstSender }, sender: self } = this.plan;
    for (let sender = firstSender; sender < firstSender + this.#next.length; sender++) {
      const [from, until] = [this.nextOf(sender), this.#sent[sender - firstSender]!];
      if (sender !== self && from < until) yield { sender, from, until };
    }
  }

  #miss(sender: number, from: number, until: number): void {
    const gaps = this.#gaps.get(sender) ?? new Gaps();
    this.#gaps.set(sender, gaps);
    gaps.add(from, until);
    this.missingCount += until - from;
  }
}
