import { type MessageOpcode, OPCODE } from "../websocket/frame.ts";
import type { Backplane } from "./backplane.ts";
import type { PresenceMessage, ServerMessage } from "./chorus_v1.ts";
import { CLOSE_CODES } from "./close_code.ts";
import { copyBytes } from "./copy_bytes.ts";
import type { ChatCounters } from "./counters.ts";
import { FanOut } from "./fan_out.ts";
import { LocalHistory, type LocalHistoryOptions } from "./history/local_history.ts";
import type { RoomHistory } from "./history/room_history.ts";
import { StreamHistory } from "./history/stream_history.ts";
import type { Broadcast } from "./log/broadcast.ts";
import type { LogBudget } from "./log/log_budget.ts";
import type { Author, Body } from "./message.ts";
import { MAX_LISTED, Presence, presenceDelayMs, type PresentMember } from "./presence.ts";
import { type FedRoom, RoomFeed } from "./room_feed.ts";
import type { PublishOptions, RoomMember, SlowReaderPolicy, WireFormat } from "./room_member.ts";
import type { Scheduler } from "./scheduler.ts";

/** What a room is made of. */
export interface RoomOptions extends Omit<LocalHistoryOptions, "log" | "onCommitted">, Scheduler {
  /** Gives the messages of the room their order; undefined if the room does so itself. */
  readonly backplane?: Backplane | undefined;
  /** How many bytes of frames the room retains in each format. */
  readonly logRetentionBytes: number;
  readonly slowReader: SlowReaderPolicy;
  readonly counters: ChatCounters;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
  /** The memory that the logs of all rooms share. */
  readonly budget: LogBudget;
  /** Whether members are served the messages that they publish. */
  readonly echo: boolean;
  /** Called for each slow reader, with the bytes that it skips if it stays. */
  readonly onSlowReader: (member: RoomMember, missedBytes: number) => void;
  /**
   * Called with errors that do not end what the room does, and with the UUID of the connection if
   * an error affects only one.
   */
  readonly onError: (error: unknown, id?: string) => void;
  /** Called when every message of the room is committed. */
  readonly onForgettable: (room: Room) => void;
  /** Called when the room cannot be opened: its members leave, and it must not be used again. */
  readonly onOpenFailed?: (room: Room) => void;
  /** Called when the room was deleted: its members must leave. */
  readonly onDeleted?: (room: Room) => void;
}

/**
 * A room: members that get each other's messages.
 *
 * ```text
 * one process:        publish ─▶ history ─▶ FanOut
 * several processes:  publish ─▶ RoomFeed ─▶ stream ─▶ each RoomFeed ─▶ history ─▶ FanOut
 * ```
 */
export class Room {
  readonly name: string;
  /** The members, those in other processes included. */
  readonly presence = new Presence();
  readonly history: RoomHistory;
  readonly counters: ChatCounters;
  /** How many calls use the room although it may have no members. Its rooms count them. */
  callCount = 0;
  readonly #options: RoomOptions;
  readonly #fanOut: FanOut;
  /** Undefined if the room numbers its messages itself. */
  readonly #feed: RoomFeed | undefined;
  /** The history, if the room numbers its messages itself. */
  readonly #local: LocalHistory | undefined;
  #isPresenceScheduled = false;

  /** @throws {HistoryUnavailableError} If the durable history cannot be read. */
  constructor(name: string, options: RoomOptions) {
    const { backplane, logRetentionBytes, budget } = options;
    const log = { retentionBytes: logRetentionBytes, budget };
    this.name = name;
    this.#options = options;
    this.counters = options.counters;
    if (backplane) {
      const stream = () => this.#feed!.stream;
      const history = new StreamHistory({ ...options, log, epoch: backplane.epoch, stream });
      this.history = history;
      this.#feed = new RoomFeed(name, this.#fedRoom(history), backplane);
    } else {
      const onCommitted = () => options.onForgettable(this);
      this.history = this.#local = new LocalHistory(name, { ...options, log, onCommitted });
    }
    this.#fanOut = new FanOut(this.history, { ...options, log });
  }

  /** The number of connections in the room. */
  get size(): number {
    return this.#fanOut.size;
  }

  get scheduler(): Scheduler {
    return this.#options;
  }

  /** The position after the newest message. */
  get position(): string {
    return this.history.positionOf(this.history.headSeq);
  }

  /** Whether the messages of the room are known: those of a stream take a moment. */
  get isOpen(): boolean {
    return this.#feed?.isOpening !== true;
  }

  /** Whether the room exists for clients. One of a stream may be in memory only to be looked at. */
  get isUsed(): boolean {
    return this.#feed?.isUsed ?? true;
  }

  /** Resolves when the room is open; undefined if it always is. Rejects if it cannot be opened. */
  get opened(): Promise<void> | undefined {
    return this.#feed?.opened;
  }

  /** See `RoomStream.caughtUp()`. */
  async caughtUp(): Promise<void> {
    await this.#feed?.stream.caughtUp();
  }

  /** Resolves when senders may be read from again; undefined if they may be read from now. */
  get backlog(): Promise<void> | undefined {
    return this.history.backlog ?? this.#fanOut.backlog;
  }

  /** The bytes that the slowest live member has not been served. See {@linkcode Broadcast}. */
  get maxLagBytes(): number {
    return this.#fanOut.maxLagBytes;
  }

  /** Whether every reader that keeps up has been served every message. */
  get isFlushed(): boolean {
    return !this.#feed?.hasPending && this.#fanOut.isFlushed;
  }

  /** Resolves when every reader that keeps up has been served all messages published until now. */
  async flushed(): Promise<void> {
    await this.#feed?.settled();
    await this.#fanOut.flushed();
  }

  /** Adds a member. It is served from when it is started. */
  join(member: RoomMember): void {
    this.#fanOut.join(member);
    this.presence.add(member.author);
    this.#feed?.join(member.author);
    this.#schedulePresence();
  }

  /** Removes a member. Leaving twice is harmless. */
  leave(member: RoomMember): void {
    if (!member.stop()) return;
    this.#fanOut.leave(member);
    this.presence.remove(member.author);
    this.#feed?.leave(member.author);
    this.#schedulePresence();
  }

  /** Deletes the messages in the stream. The members leave, in all processes. */
  async deleteStream(): Promise<void> {
    await this.#feed!.opened;
    await this.#feed!.stream.delete();
  }

  /** Frees the memory of a room that is forgotten. Returns how many messages that refuses. */
  dispose(): number {
    const refusedCount = this.#feed?.close() ?? 0;
    this.history.dispose();
    return refusedCount;
  }

  /** The log of a format, and its fan-out. There is one of `chorus` only while it has members. */
  broadcastOf(format: WireFormat): Broadcast {
    return this.#fanOut.broadcastOf(format);
  }

  /** Sends all `chorus.v1` members something that is not a message. */
  announce(event: ServerMessage): void {
    // Before, no member has been welcomed, and the logs do not know yet where they start.
    if (this.isOpen) this.#fanOut.announce(event);
  }

  /** Reports an error of a member that does not end what the room does. */
  reportError(error: unknown, { id }: RoomMember): void {
    this.#options.onError(error, id);
  }

  /** Publishes a copy of `bytes[start, end)`, which a member has sent, to the other members. */
  publish(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    member: RoomMember,
  ): void {
    const { author } = member;
    if (!this.#feed) return this.#append(opcode, bytes, start, end, author, member);
    this.#feed.publish({ opcode, bytes: copyBytes(bytes, start, end), author, publisher: member });
  }

  /**
   * Publishes a text, unless its author has published one with the same id. An id stands for one
   * text: to acknowledge another text with the same id would lose that text.
   *
   * @throws {HistoryUnavailableError} If the id cannot be looked up. Then nothing is published.
   */
  publishText(text: string, author: Author, options: PublishOptions): void {
    const { id, publisher, onPublished } = options;
    const bytes = encoder.encode(text);
    if (this.#feed) return this.#feed.publish({ ...options, opcode: OPCODE.text, bytes, author });
    const known = id === undefined ? undefined : this.history.messageOf(author, id);
    if (known) {
      const isDuplicate = known.body === text;
      return onPublished?.(isDuplicate ? { seq: known.seq, isDuplicate } : "id reused");
    }
    this.#append(OPCODE.text, bytes, 0, bytes.length, author, publisher, text);
    if (id !== undefined) this.#local!.setId(author, id);
    onPublished?.({ seq: this.history.headSeq, isDuplicate: false });
  }

  /** Applies the slow reader policy to a member. Returns whether the member stays. */
  handleSlowReader(member: RoomMember, missedBytes: number): boolean {
    const { slowReader, onSlowReader } = this.#options;
    const stays = slowReader === "skip";
    onSlowReader(member, stays ? missedBytes : 0);
    if (!stays) member.close(CLOSE_CODES.tooSlow);
    return stays;
  }

  /** @param body The decoded bytes, if the caller has them. */
  #append(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    author: Author,
    publisher: RoomMember | undefined,
    body?: Body,
  ): void {
    const atMs = this.#options.now();
    const offset = this.#local!.append(opcode, bytes, start, end, author, atMs);
    this.#countPublished(end - start, publisher);
    this.#fanOut.relay(offset, author, atMs, publisher, publisher !== undefined, body);
  }

  /** What the feed of the room needs of it. */
  #fedRoom(history: StreamHistory): FedRoom {
    return {
      history,
      presence: this.presence,
      onOpened: () => this.#fanOut.onOpened(),
      relay: (message, own) => {
        const offset = history.append(message);
        if (own) this.#countPublished(message.payload.length, own.publisher);
        this.#fanOut.relay(offset, message.author, message.atMs, own?.publisher, false);
      },
      announce: (event) => this.announce(event),
      schedulePresence: () => this.#schedulePresence(),
      onOpenFailed: () => this.#options.onOpenFailed?.(this),
      onDeleted: () => this.#options.onDeleted?.(this),
      onSettled: () => this.#options.onForgettable(this),
    };
  }

  #countPublished(bytes: number, publisher: RoomMember | undefined): void {
    if (publisher) this.counters.webSocketMessages++;
    else this.counters.httpMessages++;
    this.counters.receivedBytes += bytes;
  }

  /** Reports joins and leaves after a while, so that a thousand joins are a few frames. */
  #schedulePresence(): void {
    if (this.#isPresenceScheduled || this.#feed?.isOpening) return;
    this.#isPresenceScheduled = true;
    this.#options.startTimer(() => {
      this.#isPresenceScheduled = false;
      this.#feed?.tellPresence();
      const { joined, left } = this.presence.takeChanges();
      if (joined.length > 0) this.announce(this.#presenceMessage("joined", joined));
      if (left.length > 0) this.announce(this.#presenceMessage("left", left));
    }, presenceDelayMs(this.#fanOut.chorusCount));
  }

  #presenceMessage(type: "joined" | "left", changed: readonly PresentMember[]): PresenceMessage {
    const members = changed.slice(0, MAX_LISTED);
    return { type, members, count: changed.length, memberCount: this.presence.size };
  }
}

const encoder = new TextEncoder();
