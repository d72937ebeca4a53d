import { CLOSE_CODES } from "./close_code.ts";
import { parseSay, type SayFault } from "./chorus_protocol.ts";
import { Member, type MemberOptions } from "./member.ts";
import { joinFrames, type Message, saidText, textFrame } from "./message.ts";
import { formatPosition } from "./position.ts";
import type { Welcome } from "./room.ts";

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
  enter({ after, isRecovered, gap }: Welcome): void {
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
    if (!isText) return this.giveUp(CLOSE_CODES.unsupportedData);
    const parsed = parseSay(decoder.decode(bytes.subarray(start, end)));
    if ("fault" in parsed) return this.#sendError(parsed.fault);
    const { text, id } = parsed.say;
    const payload = encoder.encode(text);
    const number = this.room.sayOnce(payload, this.author, { id, skip: this });
    if (id === undefined) return;
    this.#acks.push({ id, number });
    this.#ackSoon();
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

  override onMissed(upTo: number): void {
    const after = this.#position(this.#served);
    this.#sendGap(after, upTo, upTo - this.#served, "too slow");
    this.#served = upTo;
  }

  protected encode(messages: readonly Message[]): Uint8Array<ArrayBuffer> {
    const { epoch } = this.room;
    return joinFrames(messages.map((message) => textFrame(saidText(epoch, message))));
  }

  /** What it has said itself counts as served once all before it has been. */
  #updateServed(): void {
    if (!this.isLive || this.cursor.isLost) return;
    this.#served = this.room.logOf(this).numberAt(this.cursor.position);
  }

  /** Acknowledges at the end of this turn, so that many acks are one write. */
  #ackSoon(): void {
    if (this.#isAckDue) return;
    this.#isAckDue = true;
    queueMicrotask(() => {
      this.#isAckDue = false;
      this.#updateServed();
      const due = this.#acks.filter(({ number }) => number <= this.#served);
      if (due.length === 0) return;
      this.#acks = this.#acks.filter(({ number }) => number > this.#served);
      this.#send(
        ...due.map(({ id, number }) => ({ type: "ack", id, position: this.#position(number) })),
      );
    });
  }

  /** @param upTo The number of the last message that is gone. */
  #sendGap(after: string, upTo: number, missedCount: number, reason: string): void {
    this.#send({ type: "gap", after, before: this.#position(upTo + 1), missedCount, reason });
  }

  #sendError({ code, message, id }: SayFault): void {
    this.#send({ type: "error", code, message, id });
  }

  #position(number: number): string {
    return formatPosition({ epoch: this.room.epoch, number });
  }

  #send(...objects: readonly object[]): void {
    this.wire.sendPrivate(joinFrames(objects.map((each) => textFrame(JSON.stringify(each)))));
  }
}
