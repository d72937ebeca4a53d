import { Gaps } from "./gaps.ts";
import type { RoomPlan } from "./room_plan.ts";
import { findMarker, looksLikeMarker, type Marker, MARKER_BYTES, readMarker } from "./marker.ts";

/** Counts of deliveries. One message to N receivers is N deliveries. */
export interface LedgerCounts {
  /** Messages that reached a receiver other than their sender. Duplicates do not count. */
  delivered: number;
  /** Did not arrive, although the receiver was connected from before they were sent to the end. */
  lost: number;
  /** Arrived more than once. */
  duplicated: number;
  /** Arrived after a later message of the same sender. */
  reordered: number;
  /** Arrived with a damaged marker, or cut short. */
  corrupt: number;
  /** Arrived at their own sender. */
  echoed: number;
  /** Carry no marker of this run: the server or another client sent them. */
  foreign: number;
  /** Messages of this run that arrived in another room than theirs. */
  leaked: number;
}

/** Counts of zero. */
export const NO_COUNTS: Readonly<LedgerCounts> = {
  delivered: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  corrupt: 0,
  echoed: 0,
  foreign: 0,
  leaked: 0,
};

/**
 * Checks that every message arrives at each of its receivers, once and in its sender's order.
 *
 * For each pair of receiver and sender it stores the sequence number of the next message, in 4
 * bytes. If that shows a gap, the missing sequence numbers are stored too, until they arrive
 * (reordered) or the run ends (lost).
 */
export class DeliveryLedger {
  readonly #run: number;
  /** How many messages each sender has sent. All threads share this memory. */
  readonly #sentBySender: Int32Array;
  readonly #counts = { ...NO_COUNTS };
  /** How many messages receivers had missed when they left. */
  #lostByLeavers = 0;
  readonly #receivers = new Set<ReceiverLedger>();
  /** Where the last message had its marker. Most next messages have it in the same place. */
  #lastAt = 0;
  /** Whether the last search found a damaged marker. */
  #isDamaged = false;
  /** How many messages of this run arrived, whatever they count as. */
  ownCount = 0;
  /** One object for all markers that are read. */
  readonly #marker: Marker = {
    run: 0,
    sender: 0,
    seq: 0,
    plannedUs: 0,
    lateUs: 0,
    wholeBytes: 0,
  };

  /** @param run The run whose messages count; all others are foreign. */
  constructor(run: number, sentBySender: Int32Array) {
    this.#run = run;
    this.#sentBySender = sentBySender;
  }

  /**
   * Adds a receiver that is about to connect.
   *
   * The ledger expects nothing until the receiver's first message, because the client cannot know
   * when the server adds it to the room. The first message {@linkcode settle}s the receiver.
   *
   * @param self The receiver's own index as a sender; -1 if it does not send.
   * @param room The room whose messages it must receive.
   */
  join(self: number, room: RoomPlan): ReceiverLedger {
    const receiver = new ReceiverLedger(self, room, this.#sentBySender);
    this.#receivers.add(receiver);
    return receiver;
  }

  /** From now on, expects a receiver to receive every message. A second call has no effect. */
  settle(receiver: ReceiverLedger): void {
    receiver.settle();
  }

  /** Removes a receiver. It is no longer expected to receive messages under way. */
  leave(receiver: ReceiverLedger): void {
    if (!this.#receivers.delete(receiver)) return;
    this.#lostByLeavers += receiver.missingCount;
  }

  /**
   * Checks what arrived at a receiver: `bytes` from `start` to `end`. A server may put several
   * messages into one.
   *
   * @param onDelivered Called with the marker of each message that counts as delivered. The marker
   * is valid until the call returns.
   */
  receive(
    receiver: ReceiverLedger,
    bytes: Uint8Array,
    start: number,
    end: number,
    onDelivered: (marker: Readonly<Marker>) => void,
  ): void {
    const marker = this.#marker;
    let at = this.#findFirst(bytes, start, end);
    if (at < 0 && !this.#isDamaged) {
      this.#counts.foreign++;
      return;
    }
    for (;;) {
      if (this.#isDamaged) this.#counts.corrupt++;
      if (at < 0) return;
      const next = at + marker.wholeBytes;
      if (next > end) this.#counts.corrupt++;
      else if (this.#count(receiver, marker)) onDelivered(marker);
      if (end - next < MARKER_BYTES) return;
      at = this.#find(bytes, next, end);
    }
  }

  /** How many messages were delivered. */
  get delivered(): number {
    return this.#counts.delivered;
  }

  /** How many messages were skipped and have not arrived since. Takes time with many receivers. */
  get missing(): number {
    let missing = this.#lostByLeavers;
    for (const { missingCount } of this.#receivers) missing += missingCount;
    return missing;
  }

  /** How many deliveries are still expected. Takes time with many receivers and senders. */
  get outstanding(): number {
    let outstanding = 0;
    for (const receiver of this.#receivers) {
      outstanding += receiver.outstanding;
    }
    return outstanding;
  }

  /** The counts so far. What is still outstanding counts as lost. */
  get counts(): LedgerCounts {
    return { ...this.#counts, lost: this.#lostByLeavers + this.outstanding };
  }

  /** @returns Whether the message counts as delivered. */
  #count(receiver: ReceiverLedger, { run, sender, seq }: Readonly<Marker>): boolean {
    const counts = this.#counts;
    if (run !== this.#run || sender >= this.#sentBySender.length) {
      counts.foreign++;
      return false;
    }
    this.ownCount++;
    // A message that was never sent.
    if (seq >= this.#sentBySender[sender]!) counts.corrupt++;
    else if (!receiver.isInRoom(sender)) counts.leaked++;
    else if (sender === receiver.self) counts.echoed++;
    else {
      const order = receiver.receive(sender, seq);
      if (!receiver.isSettled) this.settle(receiver);
      if (order !== "duplicated") {
        if (order === "reordered") counts.reordered++;
        counts.delivered++;
        return true;
      }
      counts.duplicated++;
    }
    return false;
  }

  /** Like {@linkcode #find}, but looks first where the last message had its marker. */
  #findFirst(bytes: Uint8Array, start: number, end: number): number {
    const likely = start + this.#lastAt;
    if (likely < end && readMarker(bytes, likely, this.#marker)) {
      this.#isDamaged = false;
      return likely;
    }
    const at = this.#find(bytes, start, end);
    if (at >= 0 && !this.#isDamaged) this.#lastAt = at - start;
    return at;
  }

  /** Reads the first intact marker. @returns Where it begins; -1 if there is none. */
  #find(bytes: Uint8Array, start: number, end: number): number {
    this.#isDamaged = false;
    // Text that a server puts around a message may look like the beginning of a marker.
    for (let at = start - 1; (at = findMarker(bytes, at + 1, end)) >= 0;) {
      if (readMarker(bytes, at, this.#marker)) return at;
      this.#isDamaged ||= looksLikeMarker(bytes, at);
    }
    return -1;
  }
}

/** Nothing has arrived from a sender, and nothing is expected. */
const UNSETTLED = -(2 ** 31);

/**
 * What one receiver has received.
 *
 * For each sender it stores the sequence number of the next message, 0 or more. While nothing has
 * arrived from the sender, it stores -1 - S instead, where S is the first sequence number that is
 * expected.
 */
export class ReceiverLedger {
  /** The receiver's own index as a sender; -1 if it does not send. */
  readonly self: number;
  readonly #firstSender: number;
  readonly #sentBySender: Int32Array;
  readonly #next: Int32Array;
  /** The sequence numbers that were skipped, by sender. */
  readonly #missing = new Map<number, Gaps>();
  /** How many sequence numbers are missing. */
  missingCount = 0;
  /** Whether messages are expected. */
  isSettled = false;

  constructor(self: number, { firstSender, senderCount }: RoomPlan, sentBySender: Int32Array) {
    this.self = self;
    this.#firstSender = firstSender;
    this.#sentBySender = sentBySender.subarray(firstSender, firstSender + senderCount);
    this.#next = new Int32Array(senderCount).fill(UNSETTLED);
  }

  /** Whether a sender is in the receiver's room. */
  isInRoom(sender: number): boolean {
    const at = sender - this.#firstSender;
    return at >= 0 && at < this.#next.length;
  }

  /** From now on, expects every message of each sender from which nothing has arrived. */
  settle(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    const next = this.#next;
    for (let at = 0; at < next.length; at++) {
      if (next[at] === UNSETTLED) next[at] = -1 - this.#sentBySender[at]!;
    }
  }

  /** Records that a message arrived. */
  receive(sender: number, seq: number): "in order" | "reordered" | "duplicated" {
    const at = sender - this.#firstSender;
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
    if (!this.#missing.get(sender)?.take(seq)) return "duplicated";
    this.missingCount--;
    return "reordered";
  }

  /** How many messages are still expected, including the missing ones. */
  get outstanding(): number {
    let outstanding = this.missingCount;
    if (!this.isSettled) return outstanding;
    const next = this.#next;
    for (let at = 0; at < next.length; at++) {
      const each = next[at]!;
      const expected = each < 0 ? -1 - each : each;
      if (at + this.#firstSender === this.self) continue;
      outstanding += Math.max(0, this.#sentBySender[at]! - expected);
    }
    return outstanding;
  }

  #miss(sender: number, from: number, until: number): void {
    const gaps = this.#missing.get(sender) ?? new Gaps();
    this.#missing.set(sender, gaps);
    gaps.add(from, until);
    this.missingCount += until - from;
  }
}
