import type { MessageOpcode } from "../websocket/frame.ts";
import { Histogram, TIME_BOUNDS } from "./histogram.ts";
import type { Message, PublishOutcome } from "./message.ts";
import type { PresentMember } from "./presence.ts";
import type { RoomMember } from "./room_member.ts";

/**
 * Makes several processes one chat. A backplane has a stream, in which the messages of a room have
 * one order for all processes. A message gets its sequence number there, and comes back from there
 * to every process, that of its publisher included.
 *
 * Guarantees:
 *
 * - Every process gets the messages of a room in the same order, with the same sequence numbers.
 *   The numbers ascend, but are not consecutive.
 * - Every accepted message comes back to every process once, or the process is told of a gap.
 * - A message that was published has been stored before it comes back.
 * - A message is never dropped in silence: it comes back, or its publisher is told.
 *
 * Without a backplane, a room numbers its messages itself: see {@linkcode Room}.
 */
export interface Backplane extends AsyncDisposable {
  /** Signs the session tokens of all processes. */
  readonly sessionKey: Uint8Array;
  /**
   * Names the stream, with 16 hexadecimal digits. A stream that is made anew, or has lost messages
   * that were in it, has another epoch: then sequence numbers start over.
   */
  readonly epoch: string;
  readonly counters: BackplaneCounters;
  /** Why messages cannot be stored now, for people; undefined if they can. */
  readonly outage: string | undefined;
  /** Starts to serve a process. Call it once, before rooms are opened. */
  start(process: BackplaneProcess): void;
  /**
   * Opens a room. Only one room with this name may be open. The listener is not called before this
   * returns.
   */
  open(room: string, listener: RoomListener): RoomStream;
  /**
   * At most `limit` rooms whose names are after a name, in the order of their UTF-8: those that are
   * in the stream, as it was a second ago or later, and those with members in other processes. A
   * process that does not answer soon is left out.
   *
   * @throws {HistoryUnavailableError} If the stream cannot be read. The same goes for `heads`.
   */
  rooms(after: string, limit: number): Promise<SharedRoom[]>;
  /** Where the messages of rooms end in the stream, in the same order. */
  heads(rooms: readonly string[]): Promise<StreamHead[]>;
  /**
   * Refuses messages from now on, and those that have not come back: at once during an outage,
   * otherwise after `waitMs`. For the end of the process, while publishers can still be told.
   *
   * @returns How many messages were refused. A few of them may be in the stream all the same.
   */
  endPublishing(waitMs: number): Promise<number>;
  /** Stores and sends no more. Messages that are held are refused. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A room that may be in the stream, or be open in other processes. */
export interface SharedRoom {
  readonly room: string;
  /** The number of its members in other processes. A member of two processes counts twice. */
  readonly memberCount: number;
}

/** Where the messages of a room end in the stream. */
export interface StreamHead {
  /** The last sequence number; 0 if the stream has none. */
  readonly seq: number;
  /** Whether the stream has messages of the room that were not deleted. */
  readonly hasMessages: boolean;
}

/** What a backplane tells a process. */
export interface BackplaneProcess {
  /** The outage has begun, or has ended. */
  onOutageChange(): void;
  /**
   * There is a new epoch. All open rooms are closed: the backplane calls their listeners no more,
   * and their messages that are held are refused.
   */
  onNewEpoch(): void;
}

/** A room of one process, as its stream sees it. */
export interface RoomListener {
  /** The room is open. Called once. Before it, only `onJoined` and `onLeft` may be called. */
  onOpened(opening: RoomOpening): void;
  /** The room cannot be opened. It is closed. */
  onOpenFailed(error: Error): void;
  /**
   * Messages of one process, which have consecutive sequence numbers, in the order of the stream.
   *
   * @param own If this process published them: the publications, one for each message.
   */
  onMessages(messages: readonly StreamedMessage[], own?: readonly StreamPublication[]): void;
  /**
   * Messages between these two sequence numbers, without the first, were removed from the stream
   * before they arrived.
   */
  onGap(after: number, upTo: number): void;
  /** The messages that have arrived were deleted. */
  onDeleted(): void;
  /** These messages are not stored, and will not be: they do not come back. */
  onRefused(publications: readonly StreamPublication[]): void;
  /** Members joined in another process, or have a new name. */
  onJoined(members: readonly PresentMember[]): void;
  /** Members left in another process, or the process is gone: the objects of `onJoined`. */
  onLeft(members: readonly PresentMember[]): void;
  /**
   * The members in this process that {@linkcode RoomStream.tellPresence} was called with. Another
   * process asks for them.
   */
  readonly localMembers: Iterable<PresentMember>;
  /** The number of `localMembers`. */
  readonly localMemberCount: number;
}

/** What a room starts with. */
export interface RoomOpening {
  /** The sequence number of the newest message; 0 if the stream has none. */
  readonly headSeq: number;
  /**
   * The newest messages, in order; at least 100 if the stream has so many. They include every
   * message with an id that may still be published again.
   */
  readonly tail: readonly StreamedMessage[];
  /** Whether the stream may have older messages. */
  readonly hasOlder: boolean;
}

/** A message that comes from the stream. */
export interface StreamedMessage extends Omit<Message, "body"> {
  readonly opcode: MessageOpcode;
  readonly payload: Uint8Array;
  /** The id that its author gave it. */
  readonly id: string | undefined;
  /**
   * Set if the author published a message with the same id before, and the process of the publisher
   * did not know. Such a message is not delivered.
   */
  readonly duplicateOf?: number;
}

/** A message to put in the stream. */
export interface StreamPublication {
  readonly opcode: MessageOpcode;
  /** The text in UTF-8, or the bytes. They must not change. */
  readonly bytes: Uint8Array;
  readonly author: Message["author"];
  readonly id?: string | undefined;
  /** The member that published it, if one did. */
  readonly publisher?: RoomMember | undefined;
  /** Called by the room with the outcome, if somebody waits for it. */
  readonly onPublished?: ((outcome: PublishOutcome) => void) | undefined;
}

/** The part of the stream that has the messages of one room. */
export interface RoomStream {
  /**
   * Resolves when senders may be read from again; undefined if they may be read from now. During an
   * outage senders are read from: they must hear that their messages are refused.
   */
  readonly backlog: Promise<void> | undefined;
  /** Whether messages have not come back yet. */
  readonly hasPending: boolean;
  /**
   * This process has received the stream up to this sequence number. While the room is being
   * opened, it tells what a member that joins now may expect.
   */
  readonly receivedSeq: number;
  /**
   * Puts a message in the stream. During an outage it is held, up to a bound, and refused beyond.
   */
  publish(publication: StreamPublication): void;
  /**
   * Resolves when everything has come back that was in the stream at the time of the call.
   *
   * @throws {HistoryUnavailableError} If the stream cannot be read. The same goes for the next
   * three.
   */
  caughtUp(): Promise<void>;
  /**
   * The stored messages after a sequence number, in order: at most about `limit`, and no more once
   * their bodies have `maxLength` characters together. Duplicates are left out.
   */
  read(after: number, limit: number, maxLength: number): Promise<StreamPage>;
  /** The newest stored messages up to a sequence number, in order: at most `limit`. */
  readBefore(upTo: number, limit: number): Promise<readonly StreamedMessage[]>;
  /**
   * Deletes the messages that are in the stream. The listeners of all processes hear of it.
   */
  delete(): Promise<void>;
  /** Tells the other processes which members have joined here, or have a new name, and left. */
  tellPresence(joined: readonly PresentMember[], left: readonly PresentMember[]): void;
  /** Calls the listener no more. Call it only when nothing is pending. */
  close(): void;
}

/** Stored messages after a sequence number. */
export interface StreamPage {
  readonly messages: readonly StreamedMessage[];
  /** Whether there may be messages between the sequence number and the first one: they are gone. */
  readonly hasGap: boolean;
  /**
   * The sequence number of the last message that was read, or skipped as a duplicate. If there is
   * none: the one before the page.
   */
  readonly lastSeq: number;
}

/** What a backplane has done since it started. It adds to these fields. */
export class BackplaneCounters {
  /** Publishes to the stream that are not acknowledged yet. */
  inFlight = 0;
  /** The bytes of messages that wait to be published. */
  heldBytes = 0;
  /**
   * The time from a publish until the stream has acknowledged it, or it has come back, in seconds.
   */
  readonly ackSeconds = new Histogram(TIME_BOUNDS);
  /** Publishes that were sent again, because they were not acknowledged. */
  resends = 0;
  /** Messages that were refused. */
  refused = 0;
  /** How many publishes of the stream have not arrived here yet, as last heard. */
  lag = 0;
  /** How often the connection was lost and made again. */
  reconnects = 0;
  /** How often the stream had to be read from again, from the last message that had arrived. */
  restarts = 0;
  /** The other processes that are there. */
  peers = 0;
}
