import { OPCODE, payloadStart } from "../websocket/frame.ts";
import { encodeSaid, encodeServerMessage, type ServerMessage } from "./chorus_v1.ts";
import type { RoomHistory } from "./history/room_history.ts";
import { Broadcast, type BroadcastOptions } from "./log/broadcast.ts";
import { toBody } from "./log/frames.ts";
import { MessageLog, type MessageLogOptions } from "./log/message_log.ts";
import type { Author, Body } from "./message.ts";
import type { RoomMember, WireFormat } from "./room_member.ts";

/** What a {@linkcode FanOut} needs. */
export interface FanOutOptions extends BroadcastOptions {
  /** The bounds of the log of each format. */
  readonly log: MessageLogOptions;
  /** Whether members are served the messages that they publish. */
  readonly echo: boolean;
}

/**
 * Serves the messages of a room to its members. The log of the history serves the plain members.
 * While there are `chorus.v1` members, messages go to a second log in that format as well.
 */
export class FanOut {
  readonly #history: RoomHistory;
  readonly #options: FanOutOptions;
  readonly #plain: Broadcast;
  #chorus: Broadcast | undefined;
  /** The number of members with this format, those whose replay is under way included. */
  #plainCount = 0;
  /** See `#plainCount`. */
  #chorusCount = 0;

  constructor(history: RoomHistory, options: FanOutOptions) {
    this.#history = history;
    this.#options = options;
    this.#plain = new Broadcast(history.log, options);
  }

  /** The number of members. */
  get size(): number {
    return this.#plainCount + this.#chorusCount;
  }

  /** The number of `chorus.v1` members. */
  get chorusCount(): number {
    return this.#chorusCount;
  }

  /**
   * Resolves when senders may be read from again; undefined if they may be read from now, because
   * some reader keeps up, or there is none.
   */
  get backlog(): Promise<void> | undefined {
    const plain = this.#plain;
    const chorus = this.#chorus;
    if (!chorus) return plain.backlog;
    if (plain.size === 0) return chorus.backlog;
    return plain.backlog && chorus.backlog && Promise.race([plain.backlog, chorus.backlog]);
  }

  /** The bytes that the slowest live member has not been served. See {@linkcode Broadcast}. */
  get maxLagBytes(): number {
    return Math.max(this.#plain.maxLagBytes, this.#chorus?.maxLagBytes ?? 0);
  }

  /** Whether every reader that keeps up has been served every message. */
  get isFlushed(): boolean {
    return this.#plain.isFlushed && this.#chorus?.isFlushed !== false;
  }

  /** Resolves when every reader that keeps up has been served all messages published until now. */
  async flushed(): Promise<void> {
    await Promise.all([this.#plain.flushed(), this.#chorus?.flushed()]);
  }

  /** The log of a format, and its fan-out. There is one of `chorus` only while it has members. */
  broadcastOf(format: WireFormat): Broadcast {
    return format === "plain" ? this.#plain : this.#chorus!;
  }

  /** Counts a member. */
  join({ format }: RoomMember): void {
    if (format === "plain") this.#plainCount++;
    else {
      this.#chorusCount++;
      this.#chorus ??= this.#createChorus();
    }
  }

  /** Removes a member that was stopped. */
  leave(member: RoomMember): void {
    this.broadcastOf(member.format).remove(member);
    if (member.format === "plain") this.#plainCount--;
    else if (--this.#chorusCount === 0) {
      this.#chorus!.log.dispose();
      this.#chorus = undefined;
    }
  }

  /** The history has just been opened, and has its first messages. */
  onOpened(): void {
    this.#chorus?.log.startAfter(this.#history.headSeq);
  }

  /**
   * Serves the newest message of the history, and counts its deliveries.
   *
   * @param offset Where it starts in the log of the history.
   * @param publisher The member of this process that published it, if one did.
   * @param isInTurn Whether the message came in a read of this turn, as those of members do.
   * Otherwise each message has a promise of its own, and they share a sweep only in the next turn.
   * @param body Its body, if the caller has it.
   */
  relay(
    offset: number,
    author: Author,
    atMs: number,
    publisher: RoomMember | undefined,
    isInTurn: boolean,
    body?: Body,
  ): void {
    const { log } = this.#plain;
    const seq = log.headSeq;
    const skipping = this.#skips(publisher) ? publisher : undefined;
    this.#options.counters.deliveries += skipping ? this.size - 1 : this.size;
    if (skipping?.format === "plain") skipping.skipOwn(offset, log.head, seq);
    const defer = isInTurn ? this.#options.defer : this.#options.deferTurn;
    this.#plain.onAppended(defer);
    if (!this.#chorus) return;
    const message = { seq, author, atMs, body: body ?? this.#bodyAt(offset) };
    const said = encoder.encode(encodeSaid(this.#history.positionOf(seq), message));
    const saidAt = this.#chorus.log.append(OPCODE.text, said, 0, said.length, seq);
    const { head } = this.#chorus.log;
    if (skipping?.format === "chorus") skipping.skipOwn(saidAt, head, seq);
    this.#chorus.onAppended(defer);
  }

  /** Sends all `chorus.v1` members something that is not a message. */
  announce(...events: readonly ServerMessage[]): void {
    if (!this.#chorus) return;
    for (const event of events) {
      this.#chorus.log.appendEvent(OPCODE.text, encoder.encode(encodeServerMessage(event)));
    }
    this.#chorus.request();
  }

  /** Whether a member is not served the messages that it publishes. */
  #skips(publisher: RoomMember | undefined): boolean {
    return publisher !== undefined && !publisher.isGone && !this.#options.echo && !publisher.echo;
  }

  /** Decodes the newest message of the history, which starts at this offset. */
  #bodyAt(offset: number): Body {
    const { log } = this.#plain;
    const frame = log.read(offset, log.head);
    return toBody(frame[0]! & 0x0f, frame.subarray(payloadStart(frame, 0)));
  }

  #createChorus(): Broadcast {
    const { headSeq } = this.#history;
    return new Broadcast(new MessageLog({ ...this.#options.log, headSeq }), this.#options);
  }
}

const encoder = new TextEncoder();
