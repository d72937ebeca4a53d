import { CLOSE_CODES } from "./close_code.ts";
import { parseSay, type SayFault } from "./chorus_v1.ts";
import { Member, type MemberOptions, type MissReason } from "./member.ts";
import { encodeFrames } from "./log/frames.ts";
import { type Message, saidText } from "./message.ts";
import type { ReplayStart } from "./history/room_history.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A message that this member has said, and is to be told of. */
interface PendingAck {
  readonly id: string;
  readonly number: number;
}

/**
 * A member that is spoken to in `chorus.v1`.
 *
 * An ack never overtakes what was said before its message. Without that, a client that takes the position of the ack for how
 * far it has heard would miss, after a break, what it had not got yet.
 */
export class ChorusMember extends Member {
  readonly format = "chorus";
  readonly #session: string;
  /** Up to which message it has been served. */
  #served = 0;
  #acks: PendingAck[] = [];
  #isAckDue = false;

  /** @param session The token by which its client may be the same member again. */
  constructor(options: MemberOptions, session: string) {
    super(options);
    this.#session = session;
  }

  /** Greets it, with what it has missed for good, and serves it from there. */
  enter({ after, isRecovered, gap }: ReplayStart): void {
    const { room, author } = this;
    this.#served = after;
    this.#send({
      type: "welcome",
      you: author.id,
      session: this.#session,
      room: room.name,
      position: this.#position(after),
      recovered: isRecovered,
      members: room.presence.members,
      memberCount: room.presence.size,
    });
    if (gap) this.#sendGap(gap.after, after, gap.missedCount, gap.reason);
    this.start(after);
  }

  receive(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    if (!isText) return this.close(CLOSE_CODES.unsupportedData);
    const parsed = parseSay(decoder.decode(bytes.subarray(start, end)));
    if ("fault" in parsed) return this.#sendError(parsed.fault);
    const { text, id } = parsed.say;
    const payload = encoder.encode(text);
    const number = this.room.publishOnce(payload, this.author, { id, skip: this });
    if (id === undefined) return;
    this.#acks.push({ id, number });
    if (number > this.room.history.committedSeq) this.room.history.awaitCommit(this);
    this.#ackSoon();
  }

  /** More is kept than before. Returns whether there is more to wait for. */
  onCommitted(): boolean {
    this.#ackSoon();
    const { committedSeq } = this.room.history;
    return this.#acks.some(({ number }) => number > committedSeq);
  }

  override stop(): void {
    super.stop();
    this.#acks = [];
  }

  /** What is not kept by now may be lost: whoever says it again with its id is acked if it is kept after all. */
  onCommitFailed(): boolean {
    const { committedSeq } = this.room.history;
    for (const { id, number } of this.#acks) {
      if (number <= committedSeq) continue;
      this.#sendError({ code: "not_committed", message: "This message may be lost", id });
    }
    this.#acks = this.#acks.filter(({ number }) => number <= committedSeq);
    return false;
  }

  override deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    const isDone = super.deliver(frames, onDelivered);
    if (this.#acks.length > 0) this.#ackSoon();
    this.#updateServed();
    return isDone;
  }

  override onServed(number: number): void {
    this.#served = number;
    if (this.#acks.length > 0) this.#ackSoon();
  }

  override onMissed(upTo: number, reason: MissReason): void {
    const after = this.#position(this.#served);
    this.#sendGap(after, upTo, upTo - this.#served, reason);
    this.#served = upTo;
  }

  protected encode(messages: readonly Message[]): Uint8Array<ArrayBuffer> {
    return encodeFrames(
      messages.map((message) => saidText(this.#position(message.number), message)),
    );
  }

  /** What it has said itself counts as served once all before it has been. */
  #updateServed(): void {
    if (!this.isLive || this.cursor.isLost) return;
    this.#served = this.room.logOf(this).seqAt(this.cursor.position);
  }

  /** Acknowledges at the end of this turn, so that many acks are one write. */
  #ackSoon(): void {
    if (this.#isAckDue) return;
    this.#isAckDue = true;
    queueMicrotask(() => {
      this.#isAckDue = false;
      this.#updateServed();
      const dueNumber = Math.min(this.#served, this.room.history.committedSeq);
      const due = this.#acks.filter(({ number }) => number <= dueNumber);
      if (due.length === 0) return;
      this.#acks = this.#acks.filter(({ number }) => number > dueNumber);
      this.#send(
        ...due.map(({ id, number }) => ({ type: "ack", id, position: this.#position(number) })),
      );
    });
  }

  /** @param upTo The number of the last message that is gone. */
  #sendGap(after: string, upTo: number, missedCount: number, reason: string): void {
    this.#send({ type: "gap", after, before: this.#position(upTo + 1), missedCount, reason });
  }

  #sendError({ code, message, id }: SayFault | NotKept): void {
    this.#send({ type: "error", code, message, id });
  }

  #position(number: number): string {
    return this.room.history.positionOf(number);
  }

  #send(...objects: readonly object[]): void {
    this.wire.sendFrames(encodeFrames(objects.map((each) => JSON.stringify(each))));
  }
}

/** Tells that a message is not, or not yet, as safe as was asked for. */
interface NotKept {
  readonly code: "not_committed";
  readonly message: string;
  readonly id: string;
}
