import { Gaps } from "./gaps.ts";
import { findMarker, looksLikeMarker, type Marker, MARKER_BYTES, readMarker } from "./marker.ts";

/** What has become of the messages of a run. */
export interface LedgerCounts {
  /** Messages that came to somebody who was to receive them, each counted once. */
  delivered: number;
  /** Never came, though the receiver was there from before they were sent until the end. */
  lost: number;
  /** Came again. */
  duplicated: number;
  /** Came, but behind a later one of the same sender. */
  reordered: number;
  /** Carry a marker that is not as it was written, or were cut short. */
  corrupt: number;
  /** Came back to their own sender. */
  echoed: number;
  /** Carry no marker of this run: somebody else is talking too. */
  foreign: number;
}

/** No message at all. */
export const NO_COUNTS: Readonly<LedgerCounts> = {
  delivered: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  corrupt: 0,
  echoed: 0,
  foreign: 0,
};

/**
 * Proves that every message came to everybody who was to receive it, once and in its sender's order.
 *
 * For each receiver and each sender it keeps the number of the next message, 4 bytes. Only where that shows a gap are the
 * missing numbers kept, until they come (reordered) or the run ends (lost).
 */
export class DeliveryLedger {
  readonly #run: number;
  /** How many messages each sender has sent. Whoever sends counts here, in whichever thread. */
  readonly #sentBySender: Int32Array;
  readonly #counts = { ...NO_COUNTS };
  /** Those who have left; what they have missed before stays missed. */
  #lostByThoseGone = 0;
  readonly #receivers = new Set<ReceiverLedger>();
  /** Where in its message the last marker was: the next is mostly there too. */
  #lastAt = 0;
  /** Whether the last search has passed something that was a marker. */
  #isDamaged = false;
  #ownCount = 0;
  readonly #marker: Marker = {
    run: 0,
    sender: 0,
    number: 0,
    plannedUs: 0,
    lateUs: 0,
    wholeBytes: 0,
  };

  constructor(run: number, sentBySender: Int32Array) {
    this.#run = run;
    this.#sentBySender = sentBySender;
  }

  /**
   * Lets a receiver in who is about to connect. What is sent from its first message on it is to receive, all of it; it
   * counts as {@linkcode settle}d then, at the latest.
   *
   * @param self Its own number as a sender; -1 if it is none.
   */
  join(self: number): ReceiverLedger {
    const receiver = new ReceiverLedger(self, this.#sentBySender.length);
    this.#receivers.add(receiver);
    return receiver;
  }

  /** Expects a receiver to receive whatever is sent from now on. Doing so twice is harmless. */
  settle(receiver: ReceiverLedger): void {
    receiver.settle(this.#sentBySender);
  }

  /** Takes a receiver out: what is on its way to it is not expected any more. */
  leave(receiver: ReceiverLedger): void {
    if (!this.#receivers.delete(receiver)) return;
    this.#lostByThoseGone += receiver.missingCount;
  }

  /**
   * Notes a message, `bytes` from `start` to `end`, that has come to a receiver. A server may have put several into one.
   *
   * @param onDelivered Takes what the marker says of each that counts as delivered now, good until the call returns.
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
      else if (this.#note(receiver, marker)) onDelivered(marker);
      if (end - next < MARKER_BYTES) return;
      at = this.#find(bytes, next, end);
    }
  }

  /** How many messages of this run have come, for whatever they count. */
  get ownCount(): number {
    return this.#ownCount;
  }

  /** How many messages have come to somebody who was to receive them. */
  get delivered(): number {
    return this.#counts.delivered;
  }

  /** How many messages were jumped over and have not come since. It takes a while with many receivers. */
  get missing(): number {
    let missing = this.#lostByThoseGone;
    for (const { missingCount } of this.#receivers) missing += missingCount;
    return missing;
  }

  /** How many deliveries are still to come. It takes a while with many receivers and senders. */
  get outstanding(): number {
    let outstanding = 0;
    for (const receiver of this.#receivers) {
      outstanding += receiver.outstanding(this.#sentBySender);
    }
    return outstanding;
  }

  /** What has become of everything that was sent; what has not come counts as lost. */
  get counts(): LedgerCounts {
    return { ...this.#counts, lost: this.#lostByThoseGone + this.outstanding };
  }

  /** Counts a message. @returns Whether it counts as delivered. */
  #note(receiver: ReceiverLedger, { run, sender, number }: Readonly<Marker>): boolean {
    const counts = this.#counts;
    if (run !== this.#run || sender >= this.#sentBySender.length) {
      counts.foreign++;
      return false;
    }
    this.#ownCount++;
    // Nobody has sent that yet.
    if (number >= this.#sentBySender[sender]!) counts.corrupt++;
    else if (sender === receiver.self) counts.echoed++;
    else {
      const verdict = receiver.receive(sender, number);
      if (!receiver.isSettled) this.settle(receiver);
      if (verdict !== "duplicated") {
        if (verdict === "reordered") counts.reordered++;
        counts.delivered++;
        return true;
      }
      counts.duplicated++;
    }
    return false;
  }

  /** The same as {@linkcode #find}, sooner where the last message had its marker in the same place. */
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

  /** Reads the first marker that is intact. @returns Where it begins; -1 if there is none. */
  #find(bytes: Uint8Array, start: number, end: number): number {
    this.#isDamaged = false;
    // What a server puts around a message may look like a marker too.
    for (let at = start - 1; (at = findMarker(bytes, at + 1, end)) >= 0;) {
      if (readMarker(bytes, at, this.#marker)) return at;
      this.#isDamaged ||= looksLikeMarker(bytes, at);
    }
    return -1;
  }
}

/** Nothing has come of a sender, and nothing is expected: the server may not have counted the receiver in yet. */
const UNSETTLED = -(2 ** 31);

/**
 * What one receiver has received.
 *
 * It keeps one number for each sender: that of the next message, from 0 up; or, while nothing has come of that sender,
 * -1 - number of the first that is expected.
 */
export class ReceiverLedger {
  /** Its own number as a sender; -1 if it is none. */
  readonly self: number;
  readonly #next: Int32Array;
  /** The numbers that were jumped over, by sender. */
  readonly #missing = new Map<number, Gaps>();
  /** How many they are. */
  missingCount = 0;
  /** Whether something is expected. */
  isSettled = false;

  constructor(self: number, senderCount: number) {
    this.self = self;
    this.#next = new Int32Array(senderCount).fill(UNSETTLED);
  }

  /** Expects what is sent from now on, of those of whom nothing has come. */
  settle(sentBySender: Int32Array): void {
    if (this.isSettled) return;
    this.isSettled = true;
    const next = this.#next;
    for (let sender = 0; sender < next.length; sender++) {
      if (next[sender] === UNSETTLED) next[sender] = -1 - sentBySender[sender]!;
    }
  }

  /** Notes a message. */
  receive(sender: number, number: number): "in order" | "reordered" | "duplicated" {
    const next = this.#next[sender]!;
    if (number === next) {
      this.#next[sender] = next + 1;
      return "in order";
    }
    if (next < 0 || number > next) {
      // Where nothing was expected yet, an early message leaves no gap.
      const expected = next === UNSETTLED ? number : next < 0 ? -1 - next : next;
      if (number > expected) this.#miss(sender, expected, number);
      this.#next[sender] = number + 1;
      return "in order";
    }
    if (!this.#missing.get(sender)?.take(number)) return "duplicated";
    this.missingCount--;
    return "reordered";
  }

  /** How many messages are still to come, those jumped over included. */
  outstanding(sentBySender: Int32Array): number {
    let outstanding = this.missingCount;
    if (!this.isSettled) return outstanding;
    const next = this.#next;
    for (let sender = 0; sender < next.length; sender++) {
      const each = next[sender]!;
      const expected = each < 0 ? -1 - each : each;
      if (sender !== this.self) outstanding += Math.max(0, sentBySender[sender]! - expected);
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
