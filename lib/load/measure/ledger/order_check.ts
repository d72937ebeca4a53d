import type { MessageName } from "./receiver_plan.ts";
import type { Marker } from "./marker.ts";
import type { ReceiverLedger } from "./receiver_ledger.ts";

/** How many messages are remembered. A receiver that lags further behind is not compared. */
const SLOT_COUNT = 2 ** 16;

/** A view: sender + 1, seq, plannedMs, viewer, and two times an earlier sender and its `next`. */
const VIEW_LENGTH = 8;

/** How many views a message has. */
const VIEW_COUNT = 3;
const SEQ = 1, PLANNED_MS = 2, VIEWER = 3, EARLIER = 4, NEXT = 5, EARLIER_2 = 6, NEXT_2 = 7;

/** Whether the message of a slot was counted. */
const FOUND = VIEW_COUNT * VIEW_LENGTH;

/** A slot has the views of two receivers on one message, and whether it was counted. */
const SLOT_LENGTH = FOUND + 1;

/** Where the letters begin: one for each user, from others. */
const LETTERS = SLOT_COUNT * SLOT_LENGTH;

/** A letter: sender + 1 and seq of a message, those of a later message, and who writes. */
const LETTER_LENGTH = 5;

/** The key of a view that a thread is writing. */
const BUSY = -1;

/** How a receiver's order compares with a view. `none`: the view is not of this message. */
type Comparison = "none" | "old" | "same" | "incomparable" | "lacks" | "has more";

/** Options of {@linkcode OrderCheck}. */
export interface OrderCheckOptions {
  /** Memory that all threads share, from {@linkcode createOrderTable}. */
  readonly table: Int32Array<SharedArrayBuffer>;
  /** Takes a sentence, for people, for each two messages that were seen in different orders. */
  readonly onMisordered: (text: () => string) => void;
  /** Names a message for people. */
  readonly nameOf: (message: MessageName) => string;
}

/** Makes the memory of the order checks of all threads. @param userCount The highest id. */
export function createOrderTable(userCount: number): Int32Array<SharedArrayBuffer> {
  const length = LETTERS + (userCount + 1) * LETTER_LENGTH;
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

/**
 * Finds messages of a room that some receivers saw in another order than others.
 *
 * Each sender's messages have sequence numbers, so a receiver's place in the order of a room is how
 * many messages of each sender it has seen. The first three receivers of a message note a view of
 * it: the sender of the message before, and how many of that sender's messages they have seen. Each
 * later receiver must have seen equally many. If it has seen fewer, and the others come later, its
 * order differs. If it has seen more, it writes a letter to the one with the view, which will know
 * whether it got that message later.
 *
 * A receiver does not get its own messages. So a view has two senders, in case that one of them
 * compares, and a message has several views, in case that one is of the sender before.
 *
 * Two messages in different orders are one fault, however many receivers see them so. Lost messages
 * are no fault of the order: what a receiver lacks counts only when it arrives. Of single swaps at
 * single receivers, about one in 3,000 is missed (order_check_test.ts).
 */
export class OrderCheck {
  readonly #table: Int32Array<SharedArrayBuffer>;
  readonly #options: OrderCheckOptions;
  /** How many messages arrived too late to be compared. */
  uncompared = 0;

  constructor(options: OrderCheckOptions) {
    this.#table = options.table;
    this.#options = options;
  }

  /** Records that a message arrived in its sender's order, after the receiver's ledger has it. */
  observe(receiver: ReceiverLedger, { sender, seq, plannedUs }: Readonly<Marker>): void {
    if (receiver.late) this.#checkLate(receiver, sender, seq);
    if (this.#table[letterOf(receiver.plan.id)] !== 0) this.readLetter(receiver);
    const slot = slotOf(sender, seq);
    const plannedMs = plannedUs / 1000 | 0;
    for (let view = slot; view < slot + FOUND; view += VIEW_LENGTH) {
      const comparison = this.#compare(view, receiver, sender, seq, plannedMs);
      if (comparison === "old") {
        this.uncompared++;
        break;
      }
      if (comparison === "none") {
        this.#write(view, receiver, sender, seq, plannedMs);
        break;
      }
      if (comparison === "lacks" || comparison === "has more") {
        this.#suspect(view, receiver, sender, seq, comparison);
      }
    }
    const last = receiver.lastSenders;
    const earlier = last[0] === sender ? last[1] : last[0];
    if (earlier >= 0) this.#checkViews(receiver, earlier, sender, seq);
    if (last[0] === sender) return;
    if (last[1] !== sender) last[2] = last[1];
    last[1] = last[0];
    last[0] = sender;
  }

  #compare(
    view: number,
    ledger: ReceiverLedger,
    sender: number,
    seq: number,
    plannedMs: number,
  ): Comparison {
    const table = this.#table;
    const key = Atomics.load(table, view);
    if (key !== sender + 1 || table[view + SEQ] !== seq) {
      return table[view + PLANNED_MS]! > plannedMs ? "old" : "none";
    }
    if (table[view + VIEWER] === ledger.plan.id) return "incomparable";
    let [earlier, next] = [table[view + EARLIER]!, table[view + NEXT]!];
    if (earlier === ledger.plan.sender) {
      [earlier, next] = [table[view + EARLIER_2]!, table[view + NEXT_2]!];
    }
    // Another thread may have begun to write another message here meanwhile.
    if (Atomics.load(table, view) !== key || table[view + SEQ] !== seq) return "old";
    if (earlier < 0 || !ledger.isInRoom(earlier)) return "incomparable";
    const own = ledger.nextOf(earlier);
    if (own === next) return "same";
    // A receiver that came later does not get what came before.
    if (own < 0 || !ledger.hasHeard(earlier) && next < own) return "incomparable";
    return own < next ? "lacks" : "has more";
  }

  /** Writes a view, unless another thread writes here. */
  #write(
    view: number,
    receiver: ReceiverLedger,
    sender: number,
    seq: number,
    plannedMs: number,
  ): void {
    const table = this.#table;
    const key = Atomics.load(table, view);
    if (key === BUSY || Atomics.compareExchange(table, view, key, BUSY) !== key) return;
    const [first, second] = receiver.lastSenders.filter((each) => each !== sender) as [
      number,
      number,
    ];
    table[view + SEQ] = seq;
    table[view + PLANNED_MS] = plannedMs;
    table[view + VIEWER] = receiver.plan.id;
    table[view + EARLIER] = first;
    table[view + NEXT] = first < 0 ? 0 : receiver.nextOf(first);
    table[view + EARLIER_2] = second;
    table[view + NEXT_2] = second < 0 ? 0 : receiver.nextOf(second);
    if (view % SLOT_LENGTH === 0) table[view + FOUND] = 0;
    Atomics.store(table, view, sender + 1);
  }

  /** Looks for a view in which a message came before the last one of `earlier`. */
  #checkViews(receiver: ReceiverLedger, earlier: number, sender: number, seq: number): void {
    const table = this.#table;
    const earlierSeq = receiver.nextOf(earlier) - 1;
    const slot = slotOf(earlier, earlierSeq);
    for (let view = slot; view < slot + FOUND; view += VIEW_LENGTH) {
      if (Atomics.load(table, view) !== earlier + 1 || table[view + SEQ] !== earlierSeq) continue;
      const isBefore = table[view + EARLIER] === sender && table[view + NEXT]! > seq ||
        table[view + EARLIER_2] === sender && table[view + NEXT_2]! > seq;
      if (!isBefore || table[view + VIEWER] === receiver.plan.id) continue;
      const viewer = table[view + VIEWER]!;
      if (Atomics.load(table, view) !== earlier + 1 || table[view + SEQ] !== earlierSeq) continue;
      this.#found(receiver, viewer, { sender: earlier, seq: earlierSeq }, { sender, seq });
    }
  }

  /** Remembers a disagreement with a view until it proves to be one. */
  #suspect(
    view: number,
    receiver: ReceiverLedger,
    sender: number,
    seq: number,
    comparison: "lacks" | "has more",
  ): void {
    const table = this.#table;
    const isOwn = table[view + EARLIER] === receiver.plan.sender;
    const earlier = table[view + (isOwn ? EARLIER_2 : EARLIER)]!;
    const next = table[view + (isOwn ? NEXT_2 : NEXT)]!;
    const viewer = table[view + VIEWER]!;
    if (comparison === "lacks") {
      receiver.late ??= new Map();
      receiver.late.set(earlier, { until: next, viewer, before: { sender, seq } });
      return;
    }
    const letter = letterOf(viewer);
    if (Atomics.compareExchange(table, letter, 0, BUSY) !== 0) return;
    table[letter + 1] = next;
    table[letter + 2] = sender;
    table[letter + 3] = seq;
    table[letter + 4] = receiver.plan.id;
    Atomics.store(table, letter, earlier + 1);
  }

  /**
   * Reads the letter to a receiver: it saw a message before it had an earlier one that the writer
   * had. That proves another order, unless the earlier one is lost.
   */
  readLetter(receiver: ReceiverLedger): void {
    const table = this.#table;
    const letter = letterOf(receiver.plan.id);
    const key = Atomics.load(table, letter);
    if (key <= 0) return;
    const one = { sender: key - 1, seq: table[letter + 1]! };
    const other = { sender: table[letter + 2]!, seq: table[letter + 3]! };
    // It may come yet.
    if (receiver.nextOf(one.sender) <= one.seq) return;
    const writer = table[letter + 4]!;
    Atomics.store(table, letter, 0);
    if (!receiver.isExpected(one.sender, one.seq)) this.#found(receiver, writer, one, other);
  }

  /** Whether this message is one that the receiver should have had before another. */
  #checkLate(receiver: ReceiverLedger, sender: number, seq: number): void {
    const late = receiver.late!.get(sender);
    if (!late) return;
    if (seq < late.until) this.#found(receiver, late.viewer, { sender, seq }, late.before);
    if (seq + 1 < late.until) return;
    receiver.late!.delete(sender);
    if (receiver.late!.size === 0) receiver.late = undefined;
  }

  /** Counts two messages, unless one of them was counted. */
  #found({ plan }: ReceiverLedger, viewer: number, one: MessageName, other: MessageName): void {
    const areNew = [one, other].map((message) => this.#mark(message));
    if (areNew.includes(false)) return;
    const { nameOf, onMisordered } = this.#options;
    onMisordered(() =>
      `Users ${plan.id} and ${viewer} got message ${nameOf(one)} and message ${
        nameOf(other)
      } in different orders`
    );
  }

  /** Marks a message as counted. @returns Whether it was not counted before. */
  #mark({ sender, seq }: MessageName): boolean {
    const slot = slotOf(sender, seq);
    if (Atomics.load(this.#table, slot) !== sender + 1 || this.#table[slot + SEQ] !== seq) {
      return true;
    }
    return Atomics.exchange(this.#table, slot + FOUND, 1) === 0;
  }
}

function slotOf(sender: number, seq: number): number {
  return (Math.imul(sender, 0x9e3779b1 | 0) + seq & SLOT_COUNT - 1) * SLOT_LENGTH;
}

function letterOf(user: number): number {
  return LETTERS + user * LETTER_LENGTH;
}
