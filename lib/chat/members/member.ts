import type { Audience } from "../audience.ts";
import type { GapReason } from "../chorus_v1.ts";
import { CLOSE_CODES, type CloseCode } from "../close_code.ts";
import { HistoryUnavailableError } from "../history/history.ts";
import type { ReplayStart } from "../history/room_history.ts";
import { Cursor } from "../log/cursor.ts";
import type { Author, Message } from "../message.ts";
import type { OwnMessage, Room, RoomMember, WireFormat } from "../room.ts";
import { replay } from "./replay.ts";
import type { Wire } from "./wire.ts";

/** What a member is made of. */
export interface MemberOptions {
  /** The UUID of the connection. */
  readonly id: string;
  readonly author: Author & { readonly id: string };
  readonly room: Room;
  readonly wire: Wire;
}

/**
 * A connection in a room.
 *
 * ```text
 * new ──start(), its log goes back far enough──▶ live ──stop()──▶ gone
 *  └──start(), its log does not──▶ replaying ──the log is reached──▶ live
 * ```
 */
export abstract class Member implements RoomMember {
  readonly id: string;
  readonly author: Author & { readonly id: string };
  readonly room: Room;
  protected readonly wire: Wire;
  abstract readonly format: WireFormat;
  /** How far into its log the member has been served. Set when the member goes live. */
  cursor!: Cursor;
  #state: "new" | "replaying" | "live" | "gone" = "new";
  /** Where its log ended when the member joined. */
  #joinedAt = 0;
  /** The messages that the member published itself before it went live. */
  #own: OwnMessage[] = [];

  constructor({ id, author, room, wire }: MemberOptions) {
    this.id = id;
    this.author = author;
    this.room = room;
    this.wire = wire;
  }

  /** Whether the member is served from its log. */
  get isLive(): boolean {
    return this.#state === "live";
  }

  /** Sends what comes first in the member's format, and starts serving the member. */
  abstract enter(start: ReplayStart): void;

  /**
   * Handles a message of the client: `bytes[start, end)`, which are valid until the call returns.
   */
  abstract receive(bytes: Uint8Array, start: number, end: number, isText: boolean): void;

  /** Encodes messages as frames of the member's format. */
  protected abstract encode(messages: readonly Message[]): Uint8Array<ArrayBuffer>;

  /** Called when the member has been served everything up to a message. */
  protected onServed(_seq: number): void {}

  /** Called when the member goes live. */
  protected onLive(): void {}

  /** Called when the member will not get the messages up to a sequence number, and stays. */
  protected onMissed(_upTo: number, _reason: GapReason): void {}

  /** Called when stored messages could not be read for the member. The read is tried again. */
  protected onReadFailed(): void {}

  deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    return this.wire.deliver(frames, onDelivered);
  }

  handleLost(): boolean {
    const { log } = this.audience;
    if (!this.room.handleSlowReader(this, log.start - this.cursor.offset)) return false;
    this.cursor.skipToOldest();
    this.onMissed(log.seqAt(this.cursor.offset), "too slow");
    return true;
  }

  /** Closes the connection. When this returns, the member has left the chat and the room. */
  close(status: CloseCode): void {
    this.wire.close(status);
  }

  /**
   * Serves the member everything after a sequence number, which must be retained: first a replay,
   * then live.
   */
  start(after: number): void {
    if (this.#state === "gone") return;
    const { log } = this.audience;
    this.#joinedAt = log.head;
    if (after >= log.seqBefore) return this.#goLive(after);
    this.#state = "replaying";
    this.#replay(after).catch((error) => this.fail(error));
  }

  /** Reports an error, and closes the connection. It must not affect other members. */
  fail(error: unknown): void {
    this.room.reportError(error);
    const { historyUnavailable, internalError } = CLOSE_CODES;
    this.close(error instanceof HistoryUnavailableError ? historyUnavailable : internalError);
  }

  /** Stops serving the member. */
  stop(): void {
    this.#state = "gone";
  }

  skipOwn(own: OwnMessage): void {
    if (this.#state === "live") this.cursor.skip(own.start, own.end);
    else this.#own.push(own);
  }

  /** The members of its format, itself included. */
  protected get audience(): Audience {
    return this.room.audienceOf(this.format);
  }

  #replay(after: number): Promise<void> {
    const { history, scheduler } = this.room;
    return replay(after, {
      history,
      log: this.audience.log,
      deliver: (messages) => this.#deliverPage(messages),
      onMissed: (upTo, reason) => this.onMissed(upTo, reason),
      handleSlowReader: () => this.room.handleSlowReader(this, 0),
      onReadFailed: (error) => {
        this.room.reportError(error);
        this.onReadFailed();
      },
      wait: (ms) => new Promise((resolve) => scheduler.startTimer(resolve, ms)),
      isActive: () => this.#state === "replaying",
    }, (reached) => this.#goLive(reached));
  }

  async #deliverPage(messages: readonly Message[]): Promise<void> {
    const own = new Set(this.#own.map(({ seq }) => seq));
    const frames = this.encode(messages.filter(({ seq }) => !own.has(seq)));
    const lastSeq = messages.at(-1)!.seq;
    this.#own = this.#own.filter(({ seq }) => seq > lastSeq);
    await new Promise<void>((resolve) => {
      // Other members have their turn after each page.
      const next = () => this.room.scheduler.defer(resolve);
      if (frames.length === 0 || this.wire.deliver(frames, next)) next();
    });
    if (this.#state === "replaying") this.onServed(lastSeq);
  }

  #goLive(after: number): void {
    const { log, broadcast } = this.audience;
    this.#state = "live";
    const offset = log.offsetAfter(after);
    this.cursor = new Cursor(log, offset);
    // Events from before the member joined are not for it. Its own messages come after them.
    for (const { start, end } of log.events(offset, this.#joinedAt)) this.cursor.skip(start, end);
    for (const { start, end } of this.#own) {
      if (start >= this.cursor.offset) this.cursor.skip(start, end);
    }
    this.#own = [];
    broadcast.add(this);
    if (this.cursor.isBehind) broadcast.request();
    this.onLive();
  }
}
