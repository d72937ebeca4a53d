import { type MessageOpcode, OPCODE } from "../websocket/frame.ts";
import { encodeSaid, encodeServerMessage } from "./chorus_v1.ts";
import { CLOSE_CODES } from "./close_code.ts";
import type { ChatCounters } from "./counters.ts";
import { RoomHistory, type RoomHistoryOptions } from "./history/room_history.ts";
import { Broadcast } from "./log/broadcast.ts";
import { toBody } from "./log/frames.ts";
import type { LogBudget } from "./log/log_budget.ts";
import { MessageLog, type MessageLogOptions } from "./log/message_log.ts";
import type { Author, Body, PublishedText } from "./message.ts";
import { Presence } from "./presence.ts";
import type { RoomMember, WireFormat } from "./room_member.ts";
import type { Scheduler } from "./scheduler.ts";

/** How long joins and leaves gather before they are reported, in milliseconds. */
const PRESENCE_INTERVAL_MS = 50;

/** What happens to a reader that falls out of the log: it is closed with 4008, or skips ahead. */
export type SlowReaderPolicy = "close" | "skip";

/** What a room is made of. */
export interface RoomOptions extends Omit<RoomHistoryOptions, "log" | "onCommitted">, Scheduler {
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
}

/**
 * A room: members that get each other's messages. Messages go to the history, whose log serves the
 * plain members. While there are `chorus.v1` members, messages go to a second log in that format as
 * well.
 */
export class Room {
  readonly name: string;
  readonly presence = new Presence();
  readonly history: RoomHistory;
  readonly counters: ChatCounters;
  readonly #options: RoomOptions;
  readonly #plain: Broadcast;
  #chorus: Broadcast | undefined;
  /** The number of members with this format, those whose replay is under way included. */
  #plainCount = 0;
  /** See `#plainCount`. */
  #chorusCount = 0;
  #isPresenceScheduled = false;

  /** @throws {HistoryUnavailableError} If the durable history cannot be read. */
  constructor(name: string, options: RoomOptions) {
    this.name = name;
    this.#options = options;
    this.counters = options.counters;
    this.history = new RoomHistory(name, {
      ...options,
      log: this.#logOptions(),
      onCommitted: () => options.onForgettable(this),
    });
    this.#plain = new Broadcast(this.history.log, options);
  }

  /** The number of connections in the room. */
  get size(): number {
    return this.#plainCount + this.#chorusCount;
  }

  get scheduler(): Scheduler {
    return this.#options;
  }

  /**
   * Resolves when senders may be read from again; undefined if they may be read from now, because
   * some reader keeps up, or there is none.
   */
  get backlog(): Promise<void> | undefined {
    if (this.history.backlog) return this.history.backlog;
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

  /** Adds a member. It is served from when it is started. */
  join(member: RoomMember): void {
    if (member.format === "plain") this.#plainCount++;
    else {
      this.#chorusCount++;
      this.#chorus ??= this.#createChorus();
    }
    this.presence.add(member.author);
    this.#schedulePresence();
  }

  /** Removes a member. Leaving twice is harmless. */
  leave(member: RoomMember): void {
    if (!member.stop()) return;
    this.broadcastOf(member.format).remove(member);
    if (member.format === "plain") this.#plainCount--;
    else if (--this.#chorusCount === 0) {
      this.#chorus!.log.dispose();
      this.#chorus = undefined;
    }
    this.presence.remove(member.author);
    this.#schedulePresence();
  }

  /** Frees the memory of a room that is forgotten. */
  dispose(): void {
    this.history.dispose();
  }

  /**
   * The log of a format, and its fan-out. There is one of `chorus` only while such members are in
   * the room.
   */
  broadcastOf(format: WireFormat): Broadcast {
    return format === "plain" ? this.#plain : this.#chorus!;
  }

  /** Reports an error of a member that does not end what the room does. */
  reportError(error: unknown, { id }: RoomMember): void {
    this.#options.onError(error, id);
  }

  /**
   * Publishes `bytes[start, end)`, which a member has sent, to the other members. The bytes are
   * copied.
   */
  publish(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    member: RoomMember,
  ): void {
    this.#append(opcode, bytes, start, end, member.author, member);
  }

  /**
   * Publishes a text, unless its author has published one with the same id. An id stands for one
   * text: to acknowledge another text with the same id would lose that text.
   *
   * @throws {HistoryUnavailableError} If the id cannot be looked up. Then nothing is published.
   */
  publishText(
    text: string,
    author: Author,
    { id, publisher }: {
      readonly id?: string | undefined;
      /** The member that publishes, which is not served the message. */
      readonly publisher?: RoomMember;
    },
  ): PublishedText {
    const known = id === undefined ? undefined : this.history.messageOf(author, id);
    if (known) return known.body === text ? { seq: known.seq, isDuplicate: true } : "id reused";
    const bytes = encoder.encode(text);
    this.#append(OPCODE.text, bytes, 0, bytes.length, author, publisher, text);
    if (id !== undefined) this.history.setId(author, id);
    return { seq: this.history.headSeq, isDuplicate: false };
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
    const { log } = this.#plain;
    const offset = this.history.append(opcode, bytes, start, end, author, atMs);
    const seq = log.headSeq;
    const skipping = this.#options.echo || publisher?.echo ? undefined : publisher;
    this.#count(end - start, publisher, skipping);
    if (skipping?.format === "plain") skipping.skipOwn(offset, log.head, seq);
    // Deno.serve handles the requests of a turn in promises, one after another: their messages
    // share a sweep only in the next turn.
    const defer = publisher ? this.#options.defer : this.#options.deferTurn;
    this.#plain.onAppended(defer);
    if (!this.#chorus) return;
    const message = { seq, author, atMs, body: body ?? toBody(opcode, bytes.subarray(start, end)) };
    const said = encoder.encode(encodeSaid(this.history.positionOf(seq), message));
    const saidAt = this.#chorus.log.append(OPCODE.text, said, 0, said.length);
    const { head } = this.#chorus.log;
    if (skipping?.format === "chorus") skipping.skipOwn(saidAt, head, seq);
    this.#chorus.onAppended(defer);
  }

  #count(bytes: number, publisher: unknown, skipping: unknown): void {
    const { counters } = this;
    if (publisher) counters.webSocketMessages++;
    else counters.httpMessages++;
    counters.receivedBytes += bytes;
    counters.deliveries += skipping ? this.size - 1 : this.size;
  }

  /** Reports joins and leaves after a while, so that a thousand joins are a few frames. */
  #schedulePresence(): void {
    if (this.#isPresenceScheduled) return;
    this.#isPresenceScheduled = true;
    this.#options.startTimer(() => {
      this.#isPresenceScheduled = false;
      const changes = this.presence.takeChanges();
      if (!this.#chorus) return;
      for (const type of ["joined", "left"] as const) {
        const { members, count } = changes[type];
        if (count === 0) continue;
        const memberCount = this.presence.size;
        const text = encodeServerMessage({ type, members, count, memberCount });
        this.#chorus.log.appendEvent(OPCODE.text, encoder.encode(text));
      }
      this.#chorus.request();
    }, PRESENCE_INTERVAL_MS);
  }

  #createChorus(): Broadcast {
    const { headSeq } = this.history;
    return new Broadcast(new MessageLog({ ...this.#logOptions(), headSeq }), this.#options);
  }

  #logOptions(): MessageLogOptions {
    const { logRetentionBytes, budget } = this.#options;
    return { retentionBytes: logRetentionBytes, budget };
  }
}

const encoder = new TextEncoder();
