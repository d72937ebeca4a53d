import { findMarker, isIntact, numberOf, plannedUsOf, runOf, senderOf } from "./marker.ts";

/** What has become of the messages of a run. */
export interface LedgerCounts {
  /** How many messages were sent. */
  readonly sent: number;
  /** Messages that came to somebody who was to receive them, each counted once. */
  readonly delivered: number;
  /** Never came, though the receiver was there from before they were sent until the end. */
  readonly lost: number;
  /** Came again. */
  readonly duplicated: number;
  /** Came, but behind a later one of the same sender. */
  readonly reordered: number;
  /** Carry a marker that is not as it was written, or were cut short. */
  readonly corrupt: number;
  /** Came back to their own sender. */
  readonly echoed: number;
  /** Carry no marker of this run: somebody else is talking too. */
  readonly foreign: number;
}

/**
 * Proves that every message came to everybody who was to receive it, once and in its sender's order.
 *
 * For each receiver and each sender it keeps the number of the next message, 4 bytes. Only where that shows a gap are the
 * missing numbers kept, until they come (reordered) or the run ends (lost).
 */
export class DeliveryLedger {
  readonly #run: number;
  readonly #textBytes: number;
  readonly #nextToSend: Int32Array;
  readonly #counts = {
    sent: 0,
    delivered: 0,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    echoed: 0,
    foreign: 0,
  };
  /** Those who have left; what they have missed before stays missed. */
  #lostByThoseGone = 0;
  readonly #receivers = new Set<ReceiverLedger>();

  /** @param senderCount Senders are numbered from 0 on. @param textBytes How long a message is, its marker included. */
  constructor(run: number, senderCount: number, textBytes: number) {
    this.#run = run;
    this.#textBytes = textBytes;
    this.#nextToSend = new Int32Array(senderCount);
  }

  /** Notes that a sender sends. @returns The number of the message. */
  send(sender: number): number {
    this.#counts.sent++;
    return this.#nextToSend[sender]!++;
  }

  /**
   * Lets a receiver in: it is to receive whatever is sent from now on.
   *
   * @param self Its own number as a sender; -1 if it is none.
   */
  join(self: number): ReceiverLedger {
    const receiver = new ReceiverLedger(self, this.#nextToSend.slice());
    this.#receivers.add(receiver);
    return receiver;
  }

  /** Takes a receiver out: what is on its way to it is not expected any more. */
  leave(receiver: ReceiverLedger): void {
    if (!this.#receivers.delete(receiver)) return;
    this.#lostByThoseGone += receiver.missingCount;
  }

  /**
   * Notes a message, `bytes` from `start` to `end`, that has come to a receiver.
   *
   * @returns When it was planned, in microseconds of the run's clock, if it counts as delivered now; undefined if not.
   */
  receive(
    receiver: ReceiverLedger,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number | undefined {
    let at = findMarker(bytes, start, end);
    if (at < 0) return this.#count("foreign");
    // What a server puts around a message may look like a marker too.
    while (at >= 0 && !isIntact(bytes, at)) at = findMarker(bytes, at + 1, end);
    if (at < 0 || at + this.#textBytes > end) return this.#count("corrupt");
    const sender = senderOf(bytes, at);
    if (runOf(bytes, at) !== this.#run || sender >= this.#nextToSend.length) {
      return this.#count("foreign");
    }
    const number = numberOf(bytes, at);
    // Nobody has sent that yet.
    if (number >= this.#nextToSend[sender]!) return this.#count("corrupt");
    if (sender === receiver.self) return this.#count("echoed");
    const verdict = receiver.receive(sender, number);
    if (verdict === "duplicated") return this.#count("duplicated");
    if (verdict === "reordered") this.#counts.reordered++;
    this.#counts.delivered++;
    return plannedUsOf(bytes, at);
  }

  /** How many messages have come to somebody who was to receive them. */
  get delivered(): number {
    return this.#counts.delivered;
  }

  /** How many deliveries are still to come. It takes a while with many receivers and senders. */
  get outstanding(): number {
    let outstanding = 0;
    for (const receiver of this.#receivers) outstanding += this.#outstandingOf(receiver);
    return outstanding;
  }

  /** What has become of everything that was sent; what has not come counts as lost. */
  get counts(): LedgerCounts {
    return { ...this.#counts, lost: this.#lostByThoseGone + this.outstanding };
  }

  #outstandingOf({ self, next, missingCount }: ReceiverLedger): number {
    let outstanding = missingCount;
    for (let sender = 0; sender < next.length; sender++) {
      if (sender !== self) outstanding += Math.max(0, this.#nextToSend[sender]! - next[sender]!);
    }
    return outstanding;
  }

  #count(what: "foreign" | "corrupt" | "echoed" | "duplicated"): undefined {
    this.#counts[what]++;
  }
}

/** What one receiver has received. */
export class ReceiverLedger {
  /** Its own number as a sender; -1 if it is none. */
  readonly self: number;
  /** For each sender, the number that comes next. */
  readonly next: Int32Array;
  /** The numbers that were jumped over, by sender. */
  readonly #missing = new Map<number, Set<number>>();
  /** How many they are. */
  missingCount = 0;

  constructor(self: number, next: Int32Array) {
    this.self = self;
    this.next = next;
  }

  /** Notes a message. */
  receive(sender: number, number: number): "in order" | "reordered" | "duplicated" {
    const next = this.next[sender]!;
    if (number === next) {
      this.next[sender] = next + 1;
      return "in order";
    }
    if (number > next) {
      const missing = this.#missing.get(sender) ?? new Set();
      this.#missing.set(sender, missing);
      for (let each = next; each < number; each++) missing.add(each);
      this.missingCount += number - next;
      this.next[sender] = number + 1;
      return "in order";
    }
    if (!this.#missing.get(sender)?.delete(number)) return "duplicated";
    this.missingCount--;
    return "reordered";
  }
}
