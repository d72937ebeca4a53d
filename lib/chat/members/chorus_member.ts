import type { VerifyToken } from "../access.ts";
import {
  encodeSaid,
  encodeServerMessage,
  type ErrorMessage,
  type GapReason,
  parseClientMessage,
  type SayMessage,
  type ServerMessage,
  type StatusMessage,
} from "../chorus_v1.ts";
import { CLOSE_CODES } from "../close_code.ts";
import { HistoryUnavailableError } from "../history/history.ts";
import type { ReplayStart } from "../history/room_history.ts";
import { encodeFrames } from "../log/frames.ts";
import type { Message, PublishOutcome } from "../message.ts";
import { Member, type MemberOptions } from "./member.ts";

const decoder = new TextDecoder();

/** A message that the member published, and whose ack is due. */
interface PendingAck {
  readonly id: string;
  readonly seq: number;
  /** Whether the message was published before. */
  readonly isDuplicate: boolean;
}

/** What a {@linkcode ChorusMember} is made of. */
export interface ChorusMemberOptions extends MemberOptions {
  /** The token that makes a later connection the same member. */
  readonly session: string;
  readonly maxMessageBytes: number;
}

/** How a member gets new access from a new token. */
export interface AccessRenewal {
  readonly verifyToken: VerifyToken;
  /**
   * Called when the member has new access. Returns the seconds until it ends; null if it does not
   * end.
   */
  onRenewed(member: Member): number | null;
}

/**
 * A member that speaks `chorus.v1`.
 *
 * An ack is sent only after all earlier messages, because a client may resume from the position of
 * an ack. If the ack came first and the connection then broke, the client would miss the earlier
 * messages. {@linkcode FrameSender.sendFrames} keeps that order.
 */
export class ChorusMember extends Member {
  readonly format = "chorus";
  readonly #session: string;
  readonly #maxMessageBytes: number;
  readonly #renewal: AccessRenewal;
  /** Whether a new token is being verified: at most one at a time, as it takes much time. */
  #isRenewing = false;
  /** What is to be sent after the welcome; undefined once that is sent. */
  #early: ServerMessage[] | undefined = [];
  /** The last message that has been handed to the connection; its own messages count. */
  #servedSeq = 0;
  #acks: PendingAck[] = [];
  #isAckScheduled = false;

  constructor(options: ChorusMemberOptions, renewal: AccessRenewal) {
    super(options);
    this.#session = options.session;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#renewal = renewal;
  }

  enter({ after, isRecovered, gap }: ReplayStart): void {
    const { room, author } = this;
    const early = this.#early!;
    this.#early = undefined;
    this.#servedSeq = after;
    this.#send({
      type: "welcome",
      you: author.id,
      session: this.#session,
      room: room.name,
      position: this.#position(after),
      head: this.#position(room.history.headSeq),
      recovered: isRecovered,
      members: room.presence.list(),
      memberCount: room.presence.size,
      maxMessageBytes: this.#maxMessageBytes,
    });
    if (gap) this.#sendGap(gap.after, after, gap.missedCount, gap.reason);
    if (early.length > 0) this.#send(...early);
    this.start(after);
  }

  receive(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    if (!isText) return this.close(CLOSE_CODES.unsupportedData);
    const message = parseClientMessage(decoder.decode(bytes.subarray(start, end)));
    if (message.type === "error") this.#send(message);
    else if (message.type === "say") this.#publish(message);
    else if (message.type === "ping") this.#send({ type: "pong" });
    else this.#renew(message.token).catch((error) => this.fail(error));
  }

  override onExpiring(expiresInSeconds: number): void {
    this.#send({ type: "token", expiresInSeconds });
  }

  override onStatus(status: StatusMessage): void {
    this.#send(status);
  }

  /** Sends the acks of messages that are committed now. */
  onCommitted(): boolean {
    this.#scheduleAcks();
    return this.#awaitsCommit();
  }

  /**
   * Reports the uncommitted messages. A client that publishes one again with its id gets its ack
   * later.
   */
  onCommitFailed(): boolean {
    const { committedSeq } = this.room.history;
    for (const { id, seq } of this.#acks) {
      if (seq > committedSeq) this.#send(notCommitted("This message may be lost", id));
    }
    this.#acks = this.#acks.filter(({ seq }) => seq <= committedSeq);
    return false;
  }

  /** @param id The id of the message, if it has one. */
  onRefused(id?: string): void {
    if (this.isGone) return;
    this.#send(notCommitted("The message was not published: send it again", id));
  }

  override sendAway(reconnectInMs: number): void {
    // An ack that is due saves the client from publishing the message again.
    this.#sendAcks();
    this.#send({ type: "reconnect", inMs: reconnectInMs });
    super.sendAway(reconnectInMs);
  }

  override stop(): boolean {
    this.#acks = [];
    return super.stop();
  }

  override deliver(frames: Uint8Array): boolean {
    const isDone = super.deliver(frames);
    if (this.#acks.length > 0) this.#scheduleAcks();
    this.#updateServed();
    return isDone;
  }

  protected override onServed(seq: number): void {
    this.#servedSeq = seq;
    if (this.#acks.length > 0) this.#scheduleAcks();
  }

  /** Sends the acks that came due during the replay. */
  protected override onLive(): void {
    if (this.#acks.length > 0) this.#scheduleAcks();
  }

  protected override onMissed(upTo: number, reason: GapReason): void {
    const after = this.#position(this.#servedSeq);
    this.#sendGap(after, upTo, this.room.history.countBetween(this.#servedSeq, upTo), reason);
    this.#servedSeq = upTo;
  }

  protected override onReadFailed(): void {
    this.#send({
      type: "error",
      code: "history_unavailable",
      message: "Stored messages cannot be read: the server will try again",
    });
  }

  protected encode(messages: readonly Message[]): Uint8Array<ArrayBuffer> {
    return encodeFrames(
      messages.map((message) => encodeSaid(this.#position(message.seq), message)),
    );
  }

  #publish({ text, id }: SayMessage): void {
    if (!this.mayPublish) return this.#send(forbidden(id));
    const onPublished = id === undefined
      ? undefined
      : (outcome: PublishOutcome) => this.#onPublished(id, outcome);
    try {
      this.room.publishText(text, this.author, { id, publisher: this, onPublished });
    } catch (error) {
      if (!(error instanceof HistoryUnavailableError)) throw error;
      this.room.reportError(error, this);
      this.onRefused(id);
    }
  }

  #onPublished(id: string, outcome: PublishOutcome): void {
    if (this.isGone) return;
    if (outcome === "not committed") return this.onRefused(id);
    if (outcome === "id reused") return this.#send(idReused(id));
    this.#acks.push({ id, ...outcome });
    if (outcome.seq > this.room.history.committedSeq) this.room.history.awaitCommit(this);
    this.#scheduleAcks();
  }

  async #renew(token: string): Promise<void> {
    if (this.#isRenewing) return this.#send(badToken("Wait for the answer to your last token"));
    this.#isRenewing = true;
    const { verifyToken } = this.#renewal;
    const access = await verifyToken(token, this);
    this.#isRenewing = false;
    if (this.isGone) return;
    if ("message" in access) {
      const { message, closeCode } = access;
      return closeCode ? this.close(closeCode) : this.#send(badToken(message));
    }
    if (access.user !== this.access.user) {
      return this.#send(badToken("The token is for another user: connect again with it"));
    }
    if (!access.mayRead(this.room.name)) return this.close(CLOSE_CODES.notPermitted);
    this.access = access;
    this.#send({ type: "token", expiresInSeconds: this.#renewal.onRenewed(this) });
  }

  #awaitsCommit(): boolean {
    const { committedSeq } = this.room.history;
    return this.#acks.some(({ seq }) => seq > committedSeq);
  }

  /** A message of its own counts as served once everything before it has been served. */
  #updateServed(): void {
    if (!this.isLive || this.cursor.isLost) return;
    this.#servedSeq = this.broadcast.log.seqAt(this.cursor.offset);
  }

  /** Sends acks at the end of this turn, so that many acks are one write. */
  #scheduleAcks(): void {
    if (this.#isAckScheduled) return;
    this.#isAckScheduled = true;
    queueMicrotask(() => {
      this.#isAckScheduled = false;
      try {
        this.#sendAcks();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  #sendAcks(): void {
    this.#updateServed();
    const dueSeq = Math.min(this.#servedSeq, this.room.history.committedSeq);
    const due = this.#acks.filter(({ seq }) => seq <= dueSeq);
    if (due.length === 0) return;
    this.#acks = this.#acks.filter(({ seq }) => seq > dueSeq);
    this.#send(
      ...due.map(({ id, seq, isDuplicate }) => ({
        ...{ type: "ack", id, position: this.#position(seq) } as const,
        ...isDuplicate && { duplicate: true } as const,
      })),
    );
  }

  /** @param upTo The sequence number of the last missed message. */
  #sendGap(after: string, upTo: number, missedCount: number, reason: GapReason): void {
    this.#send({ type: "gap", after, before: this.#position(upTo + 1), missedCount, reason });
  }

  #position(seq: number): string {
    return this.room.history.positionOf(seq);
  }

  #send(...messages: readonly ServerMessage[]): void {
    if (this.#early) return void this.#early.push(...messages);
    this.sendFrames(encodeFrames(messages.map(encodeServerMessage)));
  }
}

function idReused(id: string): ErrorMessage {
  const message = "You have published another text with this id: send it again with a new id";
  return { type: "error", code: "id_reused", message, id };
}

function forbidden(id: string | undefined): ErrorMessage {
  const message = "You may not publish in this room";
  return { type: "error", code: "forbidden", message, ...(id === undefined ? {} : { id }) };
}

function badToken(message: string): ErrorMessage {
  return { type: "error", code: "bad_token", message };
}

function notCommitted(message: string, id: string | undefined): ErrorMessage {
  return { type: "error", code: "not_committed", message, ...(id === undefined ? {} : { id }) };
}
