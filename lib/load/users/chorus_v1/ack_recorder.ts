import { type AckCounts, addGaps, type GapCounts } from "../../measure/acks.ts";
import type { RefusedMessages } from "../../measure/ledger/refused_messages.ts";
import type { SentWindow } from "../../measure/ledger/sent_window.ts";
import { increment } from "../../measure/summary.ts";
import type { ChorusListener } from "./chorus_user.ts";
import type { AnsweredMessage, PendingMessage } from "./pending_messages.ts";

/** Counts what the server answers to a worker's users. */
export class AckRecorder implements ChorusListener {
  readonly #window: SentWindow;
  readonly #refused: RefusedMessages;
  readonly #onAcked: (message: PendingMessage) => void;
  readonly #counts = { acked: 0, refused: 0, unknown: 0 };
  readonly #errors = new Map<string, number>();
  readonly #gaps = new Map<string, GapCounts>();
  readonly #epochs = new Set<string>();
  #lastEpoch = "";

  /** @param onAcked Takes each message that has its ack, apart from those that were forgotten. */
  constructor(
    window: SentWindow,
    refused: RefusedMessages,
    onAcked: (message: PendingMessage) => void,
  ) {
    this.#window = window;
    this.#refused = refused;
    this.#onAcked = onAcked;
  }

  /** How many messages have an answer. */
  get answered(): number {
    return this.#counts.acked + this.#counts.refused;
  }

  onAcked(sender: number, message: AnsweredMessage, position: string): void {
    this.#counts.acked++;
    this.#window.onAcked(sender, message.seq, position);
    if (!position.startsWith(this.#lastEpoch) || this.#lastEpoch === "") {
      this.#lastEpoch = position.slice(0, position.lastIndexOf("-") + 1);
      this.#epochs.add(this.#lastEpoch.slice(0, -1));
    }
    if ("plannedUs" in message) this.#onAcked(message);
  }

  onRefused(sender: number, seq: number): void {
    this.#counts.refused++;
    this.#refused.add(sender, seq);
  }

  onUnknownAck(): void {
    this.#counts.unknown++;
  }

  onError(code: string): void {
    increment(this.#errors, code);
  }

  onGap(reason: string, missedCount: number): void {
    addGaps(this.#gaps, reason, { count: 1, missed: missedCount });
  }

  /** The counts so far. @param unanswered How many messages have no answer. */
  counts(unanswered: number): AckCounts {
    const [errors, gaps, epochs] = [this.#errors, this.#gaps, this.#epochs];
    return { ...this.#counts, unanswered, errors, gaps, epochs };
  }
}
