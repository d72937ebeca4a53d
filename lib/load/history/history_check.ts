import type { HistoryReport } from "../measure/measurement.ts";
import { DeliveryLedger } from "../measure/ledger/ledger.ts";
import type { MarkedMessage } from "../measure/message.ts";
import { formatPacked, isSameEpoch, packPosition } from "../measure/ledger/packed_position.ts";
import type { RefusedMessages } from "../measure/ledger/refused_messages.ts";
import type { ReceiverLedger } from "../measure/ledger/receiver_ledger.ts";
import type { RoomPlan } from "../measure/ledger/room_plan.ts";
import type { SentWindow } from "../measure/ledger/sent_window.ts";
import { messageName } from "../users/message_name.ts";
import type { Target } from "../users/connection/connect.ts";
import { roomOf } from "../users/http/room_url.ts";
import type { RunPlan } from "../users/user_plan.ts";
import { HistoryError, HistoryPages, type StoredMessage } from "./history_pages.ts";

/** How many missing messages are named. */
const MAX_NAMES = 10;

/** What a {@linkcode HistoryCheck} needs. */
export interface HistoryCheckOptions {
  readonly plan: RunPlan;
  readonly target: Target;
  /** How long the server may be silent. */
  readonly timeoutMs: number;
  /** Made the messages of the run. */
  readonly message: MarkedMessage;
  /** When the run began, in milliseconds since 1970. */
  readonly startEpochMs: number;
}

/** What was sent in a run. */
export interface SentMessages {
  readonly run: number;
  readonly sentBySender: Int32Array;
  readonly window: SentWindow;
  readonly refused: RefusedMessages;
  /** Whether only messages that were acked must be stored. If not, all that were sent must be. */
  readonly hasAcks: boolean;
}

/**
 * Compares the history of each room with what was sent: every message must be there once, in the
 * order of its sender, undamaged, and at the position in its ack.
 */
export class HistoryCheck {
  readonly #options: HistoryCheckOptions;
  readonly #plan: RunPlan;
  readonly #pages: HistoryPages;
  readonly #counts = { unrecorded: 0, misplaced: 0, older: 0 };
  readonly #names: string[] = [];
  #heads: ReadonlyMap<string, string> = new Map();
  #reachesBackTo: string | undefined;
  #failure: string | undefined;

  constructor(options: HistoryCheckOptions) {
    const { plan, target, timeoutMs } = options;
    this.#options = options;
    this.#plan = plan;
    this.#pages = new HistoryPages({ target, timeoutMs });
  }

  /**
   * Reads where each room's history ends before the run sends.
   *
   * @throws {HistoryError} If it cannot, unless the signal aborts.
   */
  async begin(signal: AbortSignal): Promise<void> {
    try {
      this.#heads = await this.#pages.heads(this.#plan.users[0]!, signal);
    } catch (error) {
      if (!signal.aborted || !(error instanceof HistoryError)) throw error;
      this.#failure = error.message;
    }
  }

  /** Reads the history until the signal aborts, and compares it with what was sent. */
  async compare(sent: SentMessages, signal: AbortSignal): Promise<HistoryReport> {
    const { sentBySender, run, refused } = sent;
    // The ledger expects everything from the first message on, as none was sent when it settles.
    const expected = new Int32Array(sentBySender.length);
    const { message, startEpochMs } = this.#options;
    const ledger = new DeliveryLedger({
      ...{ run, message, startEpochMs, senders: this.#plan.senders },
      ...{ sentBySender: expected, orderTable: undefined },
    });
    const receivers = this.#plan.rooms.map((room) =>
      ledger.join({ id: 0, sender: -1, room }, "history")
    );
    receivers.forEach((receiver) => receiver.settle());
    expected.set(sentBySender);
    refused.take((each) => receivers.forEach((receiver) => receiver.waive(each)));
    for (const [index, room] of this.#plan.rooms.entries()) {
      if (this.#failure !== undefined) break;
      if (room.senderCount === 0) continue;
      const step = { receiver: receivers[index]!, ledger, sent, signal };
      try {
        await this.#compareRoom(room, step);
      } catch (error) {
        if (!(error instanceof HistoryError)) throw error;
        this.#failure = error.message;
      }
    }
    const { delivered, duplicated, reordered, corrupt, leaked } = ledger.counts;
    return {
      ...{ found: delivered, ...this.#counts, duplicated, reordered, corrupt, leaked },
      unrecordedNames: this.#names,
      reachesBackTo: this.#reachesBackTo,
      failure: this.#failure,
    };
  }

  async #compareRoom(
    room: RoomPlan,
    { receiver, ledger, sent, signal }: {
      readonly receiver: ReceiverLedger;
      readonly ledger: DeliveryLedger;
      readonly sent: SentMessages;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const user = this.#plan.users.find((user) => this.#plan.rooms[user.room] === room)!;
    const start = this.#heads.get(roomOf(user.url));
    const found = new FoundMessages(sent, receiver, ledger);
    let isLimited = false;
    for await (const page of this.#pages.pages(user, { start, signal })) {
      isLimited ||= !page.recovered;
      page.messages.forEach((message) => found.add(message));
    }
    this.#counts.misplaced += found.misplaced;
    if (isLimited) this.#reachesBackTo = found.oldest ?? this.#reachesBackTo;
    for (let at = 0; at < room.senderCount; at++) {
      const sender = room.firstSender + at;
      for (const seq of found.missingOf(sender)) {
        if (isLimited && found.isOlder(sender, seq)) this.#counts.older++;
        else this.#addUnrecorded({ sender, seq, position: sent.window.positionOf(sender, seq) });
      }
    }
  }

  #addUnrecorded(message: { sender: number; seq: number; position: number }): void {
    this.#counts.unrecorded++;
    if (this.#names.length === MAX_NAMES) return;
    const epochs = this.#heads.values().map((position) => position.replace(/-\d+$/, ""));
    const at = message.position === 0
      ? ""
      : ` at position ${formatPacked(message.position, epochs)}`;
    this.#names.push(messageName(message, this.#plan) + at);
  }
}

const encoder = new TextEncoder();

/** The messages of a run in the history of one room. */
class FoundMessages {
  readonly #sent: SentMessages;
  readonly #receiver: ReceiverLedger;
  readonly #ledger: DeliveryLedger;
  /** The lowest sequence number of each sender. */
  readonly #first = new Map<number, number>();
  /** The packed position of the oldest message. */
  #oldest = 0;
  #last = 0;
  /** The oldest message, for people; undefined if there is none. */
  oldest: string | undefined;
  /** Messages that are not at the position in their ack, or not after the message before. */
  misplaced = 0;

  constructor(sent: SentMessages, receiver: ReceiverLedger, ledger: DeliveryLedger) {
    this.#sent = sent;
    this.#receiver = receiver;
    this.#ledger = ledger;
  }

  add({ text, position, at }: StoredMessage): void {
    const packed = packPosition(position);
    const isOrdered = !isSameEpoch(packed, this.#last) || packed > this.#last;
    this.#last = packed;
    this.#oldest ||= packed;
    this.oldest ??= `${position}, published at ${at}`;
    if (text === undefined) return;
    const bytes = encoder.encode(text);
    this.#ledger.receive(this.#receiver, bytes, 0, bytes.length, ({ sender, seq }) => {
      if (!isOrdered || this.#isElsewhere(sender, seq, packed)) this.misplaced++;
      if (!this.#first.has(sender)) this.#first.set(sender, seq);
    });
  }

  /** The messages of a sender that should be in the history, and are not. */
  *missingOf(sender: number): Generator<number> {
    const { sentBySender, window, hasAcks } = this.#sent;
    const until = sentBySender[sender]!;
    for (let seq = window.firstOf(until); seq < until; seq++) {
      const isNeeded = !hasAcks || window.positionOf(sender, seq) !== 0;
      if (isNeeded && this.#receiver.isExpected(sender, seq)) yield seq;
    }
  }

  /** Whether a message is older than the oldest one in the history. */
  isOlder(sender: number, seq: number): boolean {
    const position = this.#sent.window.positionOf(sender, seq);
    if (position === 0) return seq < (this.#first.get(sender) ?? Infinity);
    return !isSameEpoch(position, this.#oldest) || position < this.#oldest;
  }

  #isElsewhere(sender: number, seq: number, packed: number): boolean {
    const { sentBySender, window, hasAcks } = this.#sent;
    if (!hasAcks || seq < window.firstOf(sentBySender[sender]!)) return false;
    const acked = window.positionOf(sender, seq);
    return acked !== 0 && acked !== packed;
  }
}
