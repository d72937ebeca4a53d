import type { GapReason } from "../chorus_v1.ts";
import type { MessageLog, MessageLogOptions } from "../log/message_log.ts";
import type { Message } from "../message.ts";
import type { AgeRange } from "./age_range.ts";
import type { ReadBounds } from "./read_steps.ts";
import type { CommitListener } from "./room_store.ts";

/** What the history of a room is made of. */
export interface RoomHistoryOptions {
  /** The bounds of the messages in memory. */
  readonly log: Omit<MessageLogOptions, "headSeq" | "onDropped">;
  /** The maximum number of messages; 0 disables the limit. */
  readonly historyMessages: number;
  /** Decides which messages are too old. */
  readonly ageLimit: { readonly range: AgeRange };
}

/** The messages that a member wants first. */
export interface ReplayRequest {
  /** Everything after this position. */
  readonly since?: string | undefined;
  /** Without a position: this many of the newest messages. */
  readonly last?: number | undefined;
}

/** Where a replay starts. */
export interface ReplayStart {
  /** The member is served every message after this sequence number. */
  readonly after: number;
  /** Whether that is everything after the position that it asked for. */
  readonly isRecovered: boolean;
  /** The messages after that position that the member will not get. */
  readonly gap?: {
    readonly after: string;
    /** The number of missed messages, as far as the room knows. */
    readonly missedCount: number;
    readonly reason: GapReason;
  };
}

/** The range of a page: the messages after one sequence number, up to another. */
export interface PageRange {
  readonly after: number;
  readonly upTo: number;
}

/** Messages that were read together. */
export interface HistoryPage {
  /** In order and without a gap between them. */
  readonly messages: readonly Message[];
  /** Everything up to this sequence number is in the page, or missed. */
  readonly lastSeq: number;
  /** The messages before those of the page that are gone. */
  readonly missed?: {
    readonly upTo: number;
    readonly reason: "too slow" | "not committed";
  };
}

/**
 * The messages of one room: the newest in memory, and older ones elsewhere, if there is such a
 * place. What is in memory is returned at once. Only if other messages must be read from far away,
 * a promise is returned.
 */
export interface RoomHistory {
  /** The messages in memory, as plain text members get them. */
  readonly log: MessageLog;
  /** The sequence number of the newest message. */
  readonly headSeq: number;
  /** The sequence number up to which every message is committed, or in memory if that suffices. */
  readonly committedSeq: number;
  /** Whether nothing is lost when the room's memory is freed. */
  readonly isForgettable: boolean;
  /** Resolves when senders may be read from again; undefined if they may be read from now. */
  readonly backlog: Promise<void> | undefined;
  /** The position after the message with this sequence number. */
  positionOf(seq: number): string;
  /** How many messages there are between two, without the first; 0 if that is unknown. */
  countBetween(after: number, upTo: number): number;
  /**
   * The sequence number of the message before a position; undefined if it is unknown.
   *
   * @throws {HistoryUnavailableError} If stored messages cannot be read. The same goes for the next
   * four.
   */
  seqOf(position: string): number | undefined | Promise<number | undefined>;
  /** Decides where a replay starts. */
  replayStart(request: ReplayRequest): ReplayStart | Promise<ReplayStart>;
  /**
   * Reads messages in order: at most about `limit`, and no more once their bodies have `maxLength`
   * characters together.
   */
  readPage(
    range: PageRange,
    limit: number,
    maxLength: number,
  ): HistoryPage | Promise<HistoryPage>;
  /** The newest retained messages up to a sequence number, in order, without a gap between them. */
  readBefore(upTo: number, bounds: ReadBounds): Message[] | Promise<Message[]>;
  /** The message that an author published with this id, if it is known. */
  messageOf(author: Message["author"], id: string): Message | undefined;
  /**
   * Calls a listener whenever a commit ends, until it waits for no more. Needs messages that are
   * not committed.
   */
  awaitCommit(listener: CommitListener): void;
  /** Retains none of the messages published until now. */
  clear(): void;
  /** Frees the memory. Nothing may be appended afterwards. */
  dispose(): void;
}
