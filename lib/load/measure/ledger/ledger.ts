import { findDamagedMarker, readCutMarker, repairMarker, wrongFiller } from "./damaged_marker.ts";
import { type LedgerCounts, NO_COUNTS } from "./delivery_counts.ts";
import { type Fault, type FaultKind, FaultLog } from "./fault_log.ts";
import {
  findMarker,
  findWrongFiller,
  type Marker,
  MARKER_BYTES,
  NO_MARKER,
  readMarker,
} from "./marker.ts";
import { OrderCheck } from "./order_check.ts";
import { ReceiverLedger } from "./receiver_ledger.ts";
import type { MessageName, ReceiverPlan } from "./receiver_plan.ts";
import { changedByte, TextCheck, type TextCheckOptions, TextFormat } from "./text_check.ts";

/** Options of {@linkcode DeliveryLedger}. */
export interface LedgerOptions extends TextCheckOptions {
  /** The run whose messages count. All others are foreign. */
  readonly run: number;
  /** How many messages each sender has sent. All threads share this memory. */
  readonly sentBySender: Int32Array;
  /** The memory for checking the order across receivers; undefined checks none. */
  readonly orderTable: Int32Array<SharedArrayBuffer> | undefined;
}

/**
 * Checks that every message arrives at each of its receivers: once, unchanged, in its sender's
 * order, and in the order of the other receivers.
 */
export class DeliveryLedger {
  readonly #options: LedgerOptions;
  readonly #sentBySender: Int32Array;
  readonly #text: TextCheck;
  readonly #formats = new Map<string, TextFormat>();
  readonly #order: OrderCheck | undefined;
  readonly #counts = { ...NO_COUNTS };
  readonly #faults: FaultLog;
  /** How many messages receivers had missed when they left. */
  #lostByLeavers = 0;
  readonly #receivers = new Set<ReceiverLedger>();
  /** Where the last message had its marker. Most next messages have it in the same place. */
  #lastAt = 0;
  /** Where the last search found a damaged marker; -1 if it found none. */
  #damagedAt = -1;
  /** The last bytes that arrived, and a view of them. */
  #bytes: Uint8Array = new Uint8Array();
  #view: DataView = new DataView(this.#bytes.buffer);
  /** Whether what surrounds the messages is broken, so that none counts as delivered. */
  #isBroken = false;
  /** How many messages of this run arrived, whatever they count as. */
  ownCount = 0;
  /** One object for all markers that are read. */
  readonly #marker: Marker = { ...NO_MARKER };

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#sentBySender = options.sentBySender;
    this.#text = new TextCheck(options);
    this.#faults = new FaultLog(options.senders);
    this.#order = options.orderTable && new OrderCheck({
      table: options.orderTable,
      onMisordered: (text) => {
        this.#counts.misordered++;
        this.#faults.add("misordered", text);
      },
      nameOf: (message) => this.#faults.nameOf(message),
    });
  }

  /**
   * Adds a receiver that is about to connect.
   *
   * The ledger expects nothing until the receiver's first message, because the client cannot know
   * when the server adds it to the room. The first message settles the receiver.
   *
   * @param via How messages reach it. The server may use another format for each way.
   * @param before What the same user received before it reconnected as another member.
   */
  join(plan: ReceiverPlan, via: string, before?: ReceiverLedger): ReceiverLedger {
    const format = this.#formats.get(via) ?? new TextFormat();
    this.#formats.set(via, format);
    const receiver = new ReceiverLedger(plan, format, this.#sentBySender, before);
    this.#receivers.add(receiver);
    return receiver;
  }

  /** Removes a receiver. It is no longer expected to receive messages under way. */
  leave(receiver: ReceiverLedger): void {
    if (!this.#receivers.delete(receiver)) return;
    this.#lostByLeavers += receiver.missingCount;
    for (const range of receiver.missing()) this.#faults.addLost(receiver.plan, range);
  }

  /**
   * Checks what arrived at a receiver: `bytes` from `start` to `end`. A server may put several
   * messages into one.
   *
   * @param onDelivered Called with the marker of each message that counts as delivered. The marker
   * is valid until the call returns. If undefined, what surrounds them is broken: all are corrupt.
   */
  receive(
    receiver: ReceiverLedger,
    bytes: Uint8Array,
    start: number,
    end: number,
    onDelivered: ((marker: Readonly<Marker>) => void) | undefined,
  ): void {
    this.#isBroken = onDelivered === undefined;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    let at = this.#findFirst(start, end);
    if (at < 0 && this.#damagedAt < 0) return this.#receiveUnmarked(receiver, start, end);
    for (;;) {
      if (this.#damagedAt >= 0) this.#countDamaged(receiver, this.#damagedAt, start);
      if (at < 0) return;
      const next = at + this.#marker.wholeBytes;
      if (this.#count(receiver, start, end, at)) onDelivered?.(this.#marker);
      if (end - next < MARKER_BYTES) return;
      at = this.#find(next, end);
    }
  }

  /** Ends the check of the order, before {@linkcode counts} and {@linkcode faults} are read. */
  close(): void {
    for (const receiver of this.#receivers) this.#order?.readLetter(receiver);
  }

  /** How many messages were delivered, some of which may prove to be damaged. */
  get delivered(): number {
    return this.#counts.delivered;
  }

  /** The counts so far. Only messages that were skipped and have not arrived since are lost. */
  get countsSoFar(): LedgerCounts {
    const missing = this.#receivers.values().reduce((sum, each) => sum + each.missingCount, 0);
    return { ...this.#counts, lost: this.#lostByLeavers + missing };
  }

  /** How many deliveries are still expected. Takes time with many receivers and senders. */
  get outstanding(): number {
    return this.#receivers.values().reduce((sum, { outstanding }) => sum + outstanding, 0);
  }

  /** How many deliveries came too late to compare their order, or with a text that was not sent. */
  get unchecked(): { readonly uncompared: number; readonly unrecognized: number } {
    let unrecognized = 0;
    for (const format of this.#formats.values()) unrecognized += format.unrecognized;
    return { uncompared: this.#order?.uncompared ?? 0, unrecognized };
  }

  /** The counts so far. What is still outstanding counts as lost. */
  get counts(): LedgerCounts {
    const counts = { ...this.#counts, lost: this.#lostByLeavers + this.outstanding };
    for (const { damage } of this.#formats.values()) {
      counts.corrupt += damage.count;
      counts.delivered -= damage.count;
    }
    return counts;
  }

  /** The first faults of each kind. What is still outstanding counts as lost. */
  get faults(): readonly Fault[] {
    for (const receiver of this.#receivers) {
      if (this.#faults.isFull("lost")) break;
      for (const range of receiver.missing()) this.#faults.addLost(receiver.plan, range);
      for (const range of receiver.expected()) this.#faults.addLost(receiver.plan, range);
    }
    for (const { damage } of this.#formats.values()) {
      for (const text of damage.texts) this.#faults.add("corrupt", () => text);
    }
    return this.#faults.faults;
  }

  /** Counts the message whose marker at `at` was read. @returns Whether it counts as delivered. */
  #count(receiver: ReceiverLedger, start: number, end: number, at: number): boolean {
    const marker = this.#marker;
    const { run, sender, seq, wholeBytes } = marker;
    const counts = this.#counts;
    if (run !== this.#options.run || sender >= this.#sentBySender.length) {
      counts.foreign++;
      return false;
    }
    this.ownCount++;
    if (seq >= this.#sentBySender[sender]!) {
      this.#add("corrupt", receiver, marker, () => ", but was never sent");
      return false;
    }
    if (!receiver.isInRoom(sender)) {
      const { room } = this.#options.senders[sender]!;
      this.#add("leaked", receiver, marker, () => ` in ${receiver.plan.room.name}, not in ${room}`);
      return false;
    }
    if (sender === receiver.plan.sender) {
      if (seq >= receiver.ownUntil) counts.echoed++;
      return false;
    }
    const order = receiver.receive(sender, seq);
    if (!receiver.isSettled) receiver.settle();
    if (order === "duplicated") {
      this.#add("duplicated", receiver, marker, () => " more than once");
      return false;
    }
    const until = at + wholeBytes;
    const wrong = until > end ? end : findWrongFiller(this.#view, at, until);
    if (wrong >= 0 || this.#isBroken) {
      const how = () => wrongFiller(this.#bytes, { start, at, wrong, end });
      this.#add("corrupt", receiver, marker, how);
      return false;
    }
    if (order === "reordered") this.#add(order, receiver, marker, () => " after a later one");
    else this.#order?.observe(receiver, marker);
    const match = this.#text.match(this.#bytes, start, end, at, marker);
    const { format } = receiver;
    const damage = () => ` damaged: ${this.#text.describe(this.#bytes, start, end, at, marker)}`;
    if (!format.add(match)) {
      this.#add("corrupt", receiver, marker, damage);
      return false;
    }
    if (format.isDoubtful(match)) {
      format.name(match, this.#faults.sentence(receiver.plan, marker, damage()));
    }
    counts.delivered++;
    return true;
  }

  /** Counts a message whose marker at `at` is damaged. */
  #countDamaged(receiver: ReceiverLedger, at: number, start: number): void {
    const repaired = repairMarker(
      this.#bytes,
      at,
      ({ run, sender, seq }) => run === this.#options.run && receiver.isExpected(sender, seq),
    );
    this.ownCount++;
    if (repaired) {
      const { marker, byte } = repaired;
      // It has arrived, so it is not lost.
      receiver.receive(marker.sender, marker.seq);
      const wrong = changedByte(repaired.at - start, this.#bytes[repaired.at]!, byte);
      this.#add("corrupt", receiver, marker, () => ` damaged: ${wrong}`);
    } else {
      this.#counts.corrupt++;
      this.#faults.add(
        "corrupt",
        () =>
          `A message arrived at user ${receiver.plan.id} so damaged that it cannot be identified`,
      );
    }
  }

  /** Counts what has no marker that can be read. */
  #receiveUnmarked(receiver: ReceiverLedger, start: number, end: number): void {
    const { run, sender, seq } = readCutMarker(this.#bytes, start, end)?.marker ?? NO_MARKER;
    if (run === this.#options.run && receiver.isExpected(sender, seq)) {
      this.ownCount++;
      receiver.receive(sender, seq);
      this.#add("corrupt", receiver, { sender, seq }, () => ` cut off after ${end - start} bytes`);
      return;
    }
    const at = findDamagedMarker(this.#bytes, start, end);
    if (at >= 0) this.#countDamaged(receiver, at, start);
    else this.#counts.foreign++;
  }

  /** Like {@linkcode #find}, but looks first where the last message had its marker. */
  #findFirst(start: number, end: number): number {
    const likely = start + this.#lastAt;
    if (likely + MARKER_BYTES <= end && readMarker(this.#view, likely, this.#marker)) {
      this.#damagedAt = -1;
      return likely;
    }
    const at = this.#find(start, end);
    if (at >= 0 && this.#damagedAt < 0) this.#lastAt = at - start;
    return at;
  }

  /** Reads the first intact marker. @returns Where it begins; -1 if there is none. */
  #find(start: number, end: number): number {
    this.#damagedAt = -1;
    // Text that a server puts around a message may look like the beginning of a marker.
    for (let at = start - 1; (at = findMarker(this.#bytes, at + 1, end)) >= 0;) {
      if (readMarker(this.#view, at, this.#marker)) return at;
      if (this.#damagedAt < 0 && findDamagedMarker(this.#bytes, at, at + MARKER_BYTES) >= 0) {
        this.#damagedAt = at;
      }
    }
    return -1;
  }

  /** Counts a fault, and names it if it is one of the first. `how` completes its sentence. */
  #add(kind: FaultKind, { plan }: ReceiverLedger, message: MessageName, how: () => string): void {
    this.#counts[kind]++;
    this.#faults.addDelivery(kind, plan, message, how);
  }
}
