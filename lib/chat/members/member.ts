import type { Access } from "../access.ts";
import type { GapReason, StatusMessage } from "../chorus_v1.ts";
import { CLOSE_CODES, type CloseCode } from "../close_code.ts";
import type { ClientFormat } from "../counters.ts";
import { HistoryUnavailableError } from "../history/history.ts";
import type { ReplayStart } from "../history/room_history.ts";
import type { Broadcast } from "../log/broadcast.ts";
import { Cursor } from "../log/cursor.ts";
import type { Author, Message } from "../message.ts";
import type { Room } from "../room.ts";
import type { RoomMember, WireFormat } from "../room_member.ts";
import type { RateLimit } from "./rate_limit.ts";
import { replay } from "./replay.ts";
import type { FrameSender, Wire } from "./wire.ts";

/** What a member is made of. */
export interface MemberOptions {
  /** The UUID of the connection. */
  readonly id: string;
  /** The client's address. */
  readonly address: string;
  readonly author: Author & { readonly id: string };
  readonly room: Room;
  readonly clientFormat: ClientFormat;
  readonly wire: Wire;
  readonly access: Access;
  /** Whether the member is served the messages that it publishes itself. */
  readonly echo?: boolean;
  /** Without it, the member may send as much as it wants. */
  readonly rateLimit?: RateLimit | undefined;
}

/** A message that a member published itself, and its range in the log of the member's format. */
interface OwnMessage {
  readonly seq: number;
  readonly start: number;
  readonly end: number;
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
  readonly address: string;
  readonly author: Author & { readonly id: string };
  readonly room: Room;
  /** How the client takes part. */
  readonly clientFormat: ClientFormat;
  /** Whether the member may publish in its room. */
  mayPublish: boolean;
  /** Whether the member is served the messages that it publishes itself. */
  readonly echo: boolean;
  /** Undefined if the member may send as much as it wants. */
  readonly rateLimit: RateLimit | undefined;
  readonly #sender: FrameSender;
  readonly #wire: Wire;
  #access: Access;
  /** The format of the log that the member is served from. */
  abstract readonly format: WireFormat;
  /** How far into its log the member has been served. Set when the member goes live. */
  cursor!: Cursor;
  #state: "new" | "replaying" | "live" | "gone" = "new";
  /** Where its log ended when the member joined. */
  #joinedAt = 0;
  /** The messages that the member published itself before it went live. */
  #own: OwnMessage[] | undefined;

  constructor(options: MemberOptions) {
    const { id, address, author, room, clientFormat, wire, access, rateLimit } = options;
    this.echo = options.echo ?? false;
    this.id = id;
    this.address = address;
    this.author = author;
    this.room = room;
    this.clientFormat = clientFormat;
    this.rateLimit = rateLimit;
    this.#sender = wire.sender;
    this.#wire = wire;
    this.#access = access;
    this.mayPublish = access.mayPublish(room.name);
  }

  /** What the member may do. */
  get access(): Access {
    return this.#access;
  }

  protected set access(access: Access) {
    this.#access = access;
    this.mayPublish = access.mayPublish(this.room.name);
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

  /** Called when the member joins during an outage, after it has entered. */
  onStatus(_status: StatusMessage): void {}

  /** Called when a message of the member is not stored, if nobody waits for the outcome. */
  abstract onRefused(): void;

  /** Called some time before the access of the member ends. */
  onExpiring(_expiresInSeconds: number): void {}

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

  /** Sends whole frames of the log. Returns true if the member can take more now. */
  deliver(frames: Uint8Array): boolean {
    return this.#sender.deliver(frames, this);
  }

  /** Ends a delivery. If the member has left, the broadcast no longer counts it. */
  onDelivered(): void {
    if (this.#state === "live") this.broadcast.onDelivered(this);
  }

  handleLost(): boolean {
    const { log } = this.broadcast;
    if (!this.room.handleSlowReader(this, log.start - this.cursor.offset)) return false;
    this.cursor.skipToOldest();
    this.onMissed(log.seqAt(this.cursor.offset), "too slow");
    return true;
  }

  /** Sends whole frames to this member alone. See {@linkcode FrameSender.sendFrames}. */
  protected sendFrames(frames: Uint8Array<ArrayBuffer>): void {
    this.room.counters.sentBytes += frames.length;
    this.#sender.sendFrames(frames);
  }

  /** Closes the connection. When this returns, the member has left the chat and the room. */
  close(status: CloseCode): void {
    this.#wire.close(status);
  }

  /** Closes the connection with 1001, and tells the client when to reconnect if it can. */
  sendAway(_reconnectInMs: number): void {
    this.close(CLOSE_CODES.goingAway);
  }

  /**
   * Serves the member everything after a sequence number, which must be retained: first a replay,
   * then live.
   */
  start(after: number): void {
    if (this.#state === "gone") return;
    const { log } = this.broadcast;
    this.#joinedAt = log.head;
    if (after >= log.seqBefore) return this.#goLive(after);
    this.#state = "replaying";
    this.#replay(after).catch((error) => this.fail(error));
  }

  /** Reports an error, and closes the connection. It must not affect other members. */
  fail(error: unknown): void {
    this.room.reportError(error, this);
    const { historyUnavailable, internalError } = CLOSE_CODES;
    this.close(error instanceof HistoryUnavailableError ? historyUnavailable : internalError);
  }

  stop(): boolean {
    if (this.#state === "gone") return false;
    this.#state = "gone";
    return true;
  }

  skipOwn(start: number, end: number, seq: number): void {
    if (this.#state === "live") this.cursor.skip(start, end);
    else (this.#own ??= []).push({ start, end, seq });
  }

  get isGone(): boolean {
    return this.#state === "gone";
  }

  /** The log of its format, and its fan-out. */
  protected get broadcast(): Broadcast {
    return this.room.broadcastOf(this.format);
  }

  #replay(after: number): Promise<void> {
    const { history, scheduler } = this.room;
    return replay(after, {
      history,
      log: this.broadcast.log,
      deliver: (messages) => this.#deliverPage(messages),
      onMissed: (upTo, reason) => this.onMissed(upTo, reason),
      handleSlowReader: () => this.room.handleSlowReader(this, 0),
      onReadFailed: (error) => {
        this.room.reportError(error, this);
        this.onReadFailed();
      },
      wait: (ms) => new Promise((resolve) => scheduler.startTimer(resolve, ms)),
      isActive: () => this.#state === "replaying",
    }, (reached) => this.#goLive(reached));
  }

  async #deliverPage(messages: readonly Message[]): Promise<void> {
    const own = new Set(this.#own?.map(({ seq }) => seq));
    const frames = this.encode(messages.filter(({ seq }) => !own.has(seq)));
    const lastSeq = messages.at(-1)!.seq;
    this.#own = this.#own?.filter(({ seq }) => seq > lastSeq);
    this.room.counters.sentBytes += frames.length;
    await new Promise<void>((resolve) => {
      // Other members have their turn after each page.
      const onDelivered = () => this.room.scheduler.deferTurn(resolve);
      if (frames.length === 0 || this.#sender.deliver(frames, { onDelivered })) onDelivered();
    });
    if (this.#state === "replaying") this.onServed(lastSeq);
  }

  #goLive(after: number): void {
    const { broadcast } = this;
    const { log } = broadcast;
    this.#state = "live";
    const offset = log.offsetAfter(after);
    this.cursor = new Cursor(log, offset);
    // Events from before the member joined are not for it. Its own messages come after them.
    for (const { start, end } of log.events(offset, this.#joinedAt)) this.cursor.skip(start, end);
    for (const { start, end } of this.#own ?? []) {
      if (start >= this.cursor.offset) this.cursor.skip(start, end);
    }
    this.#own = undefined;
    broadcast.add(this);
    if (this.cursor.isBehind) broadcast.request();
    this.onLive();
  }
}
