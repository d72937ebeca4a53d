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
  /** The sequence numbers of messages that are still to come, but not expected. */
  readonly #waived = new Map<number, Set<number>>();
  /** For each sender, which message the same user expected next on its connection before. */
  readonly #resumedFrom: Int32Array | undefined;
  /** How many sequence numbers are missing. */
  missingCount = 0;
  /** How many messages arrived more than once. */
  duplicatedCount = 0;
  /** The user's own messages below this sequence number may be replayed to it. */
  ownUntil = 0;
  /** How many messages were sent between the user's connections, as far as it is known. */
  #missedCount = 0;
  /** Whether messages are expected. */
  isSettled = false;

  /**
   * @param sentBySender How many messages each sender of the run has sent.
   * @param before What the same user received before it reconnected as another member.
   */
  constructor(
    plan: ReceiverPlan,
    format: TextFormat,
    sentBySender: Int32Array,
    before?: ReceiverLedger,
  ) {
    const { firstSender, senderCount } = plan.room;
    this.format = format;
    this.plan = plan;
    this.#sent = sentBySender.subarray(firstSender, firstSender + senderCount);
    this.#next = new Int32Array(senderCount).fill(UNSETTLED);
    this.#resumedFrom = before && before.#next.map(nextOfStored);
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
      const from = this.#resumedFrom?.[at] ?? -1;
      if (seq < from) {
        this.duplicatedCount++;
        return "duplicated";
      }
      // If nothing was expected yet, an early message leaves no gap.
      const expected = next === UNSETTLED ? seq : next < 0 ? -1 - next : next;
      if (next < 0 && from >= 0) this.#missedCount += Math.min(seq, expected) - from;
      if (seq > expected) this.#miss(sender, expected, seq);
      this.#next[at] = seq + 1;
      return "in order";
    }
    if (!this.#gaps.get(sender)?.take(seq)) {
      this.duplicatedCount++;
      return "duplicated";
    }
    this.missingCount--;
    return "reordered";
  }

  /** Whether a message was sent to the receiver and has not arrived. */
  isExpected(sender: number, seq: number): boolean {
    if (!this.isInRoom(sender) || sender === this.plan.sender) return false;
    const at = sender - this.plan.room.firstSender;
    if (seq >= this.#sent[at]! || this.#waived.get(sender)?.has(seq)) return false;
    const next = this.#next[at]!;
    return seq >= (next < 0 ? -1 - next : next) || (this.#gaps.get(sender)?.has(seq) ?? false);
  }

  /**
   * The sequence number that is next from a sender of the room; -1 if nothing has arrived from it,
   * and nothing is expected.
   */
  nextOf(sender: number): number {
    return nextOfStored(this.#next[sender - this.plan.room.firstSender]!);
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
    for (const [sender, waived] of this.#waived) {
      for (const seq of waived) if (seq >= this.nextOf(sender)) outstanding--;
    }
    return outstanding;
  }

  /** No longer expects a message, because the server has refused it. */
  waive({ sender, seq }: MessageName): void {
    if (sender === this.plan.sender || !this.isInRoom(sender)) return;
    if (!this.isExpected(sender, seq)) {
      const from = this.#resumedFrom?.[sender - this.plan.room.firstSender] ?? -1;
      if (from >= 0 && seq >= from) this.#missedCount--;
    } else if (this.#gaps.get(sender)?.take(seq)) this.missingCount--;
    else this.#waived.set(sender, (this.#waived.get(sender) ?? new Set()).add(seq));
  }

  /**
   * How many messages of others were sent between the user's connections: after the last that was
   * expected on the connection before, and before the first on this one.
   */
  get missedCount(): number {
    let missed = this.#missedCount;
    const { room: { firstSender }, sender: self } = this.plan;
    for (let at = 0; at < this.#next.length; at++) {
      const from = this.#resumedFrom?.[at] ?? -1;
      if (from < 0 || this.#next[at]! >= 0 || at + firstSender === self) continue;
      const until = nextOfStored(this.#next[at]!);
      missed += (until < 0 ? this.#sent[at]! : until) - from;
    }
    return missed;
  }

  /** How many messages each sender of the room has sent. */
  get sentNow(): Int32Array {
    return this.#sent.slice();
  }

  /**
   * Finds a sender of which something is still to come that was sent before a time.
   *
   * @param sent What {@linkcode sentNow} was at that time.
   * @param from Senders below this index are past it.
   * @returns The index of the first one in the room; `sent.length` if there is none.
   */
  firstBehind(sent: Int32Array, from: number): number {
    const { room: { firstSender }, sender: self } = this.plan;
    let at = from;
    for (; at < sent.length; at++) {
      if (at + firstSender !== self && this.nextOf(at + firstSender) < sent[at]!) break;
    }
    return at;
  }

  /** How many of the messages that were sent before a time have not arrived. */
  missingOf(sent: Int32Array): number {
    const { room: { firstSender } } = this.plan;
    let missing = 0;
    for (const [sender, gaps] of this.#gaps) {
      missing += gaps.countBelow(sent[sender - firstSender]!);
    }
    for (const { sender, from, until } of this.expected()) {
      missing += Math.max(0, Math.min(until, sent[sender - firstSender]!) - from);
    }
    return missing;
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
      if (sender === self) continue;
      let from = this.nextOf(sender);
      const end = this.#sent[sender - firstSender]!;
      for (const seq of this.#waivedFrom(sender, from)) {
        if (from < seq) yield { sender, from, until: seq };
        from = seq + 1;
      }
      if (from < end) yield { sender, from, until: end };
    }
  }

  /** The sequence numbers that are waived, from this one on, ascending. */
  #waivedFrom(sender: number, from: number): readonly number[] {
    const waived = [...this.#waived.get(sender) ?? []];
    return waived.filter((seq) => seq >= from).sort((one, other) => one - other);
  }

  #miss(sender: number, from: number, until: number): void {
    const gaps = this.#gaps.get(sender) ?? new Gaps();
    this.#gaps.set(sender, gaps);
    gaps.add(from, until);
    this.missingCount += until - from;
    for (const seq of this.#waivedFrom(sender, from)) if (gaps.take(seq)) this.missingCount--;
  }
}

/** Which message is next, by what is stored; -1 if nothing has arrived, and nothing is expected. */
function nextOfStored(stored: number): number {
  return stored >= 0 ? stored : stored === UNSETTLED ? -1 : -1 - stored;
}
