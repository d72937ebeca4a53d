import type {
  Backplane,
  RoomListener,
  RoomOpening,
  RoomStream,
  StreamedMessage,
  StreamPublication,
} from "./backplane.ts";
import type { ServerMessage } from "./chorus_v1.ts";
import { HistoryUnavailableError } from "./history/history.ts";
import type { StreamHistory } from "./history/stream_history.ts";
import { toBody } from "./log/frames.ts";
import type { PublishOutcome } from "./message.ts";
import { Presence, type PresentMember } from "./presence.ts";

/** A room as its feed sees it. */
export interface FedRoom {
  readonly history: StreamHistory;
  /** The members in all processes. */
  readonly presence: Presence;
  /** Called when the history is open, before the first message. */
  onOpened(): void;
  /** Called when the history cannot be opened. */
  onOpenFailed(): void;
  /**
   * Serves a message of the stream to the members.
   *
   * @param own Set if it was published in this process.
   */
  relay(message: StreamedMessage, own: StreamPublication | undefined): void;
  /** Sends something to all `chorus.v1` members that is not a message. */
  announce(event: ServerMessage): void;
  /** Reports the changes of the presence after a while. */
  schedulePresence(): void;
  /** Closes all members. */
  onDeleted(): void;
  /** Called when messages have come back, or were refused. */
  onSettled(): void;
}

/**
 * The connection of a room with its stream: what is published goes there, and is served when it
 * comes back.
 *
 * Until the room is open, publications wait: nobody knows yet which ids were published before.
 */
export class RoomFeed implements RoomListener {
  readonly stream: RoomStream;
  readonly #room: FedRoom;
  /** The members in this process. */
  readonly #local = new Presence();
  /** Those of them that the other processes have been told of, by id. */
  readonly #told = new Map<string, PresentMember>();
  #settled: PromiseWithResolvers<void> | undefined;
  #isClosed = false;
  /** What waits for the room to be open; undefined if it is. */
  #waiting: StreamPublication[] | undefined = [];

  constructor(name: string, room: FedRoom, backplane: Backplane) {
    this.#room = room;
    this.stream = backplane.open(name, this);
  }

  /** Whether the room is being opened. */
  get isOpening(): boolean {
    return this.#waiting !== undefined;
  }

  /** Whether the room has members, in any process, or messages that were not deleted. */
  get isUsed(): boolean {
    return this.#room.presence.size > 0 || this.#room.history.hasMessages;
  }

  /** Resolves when the room is open. Rejects if it cannot be opened. */
  get opened(): Promise<void> {
    return this.#room.history.opened;
  }

  /** Whether messages have not come back yet. */
  get hasPending(): boolean {
    return this.isOpening || this.stream.hasPending;
  }

  /** Resolves when nothing is pending. */
  async settled(): Promise<void> {
    if (this.hasPending) await (this.#settled ??= Promise.withResolvers()).promise;
  }

  get localMembers(): Iterable<PresentMember> {
    return this.#told.values();
  }

  get localMemberCount(): number {
    return this.#told.size;
  }

  /** Adds a member of this process. */
  join(author: PresentMember): void {
    this.#local.add(author);
  }

  /** Removes a member of this process. */
  leave(author: PresentMember): void {
    this.#local.remove(author);
  }

  /** Tells the other processes what has changed since the last call. */
  tellPresence(): void {
    const { joined, left } = this.#local.takeChanges();
    if (joined.length === 0 && left.length === 0) return;
    for (const member of joined) this.#told.set(member.id, member);
    for (const { id } of left) this.#told.delete(id);
    this.stream.tellPresence(joined, left);
  }

  /** Publishes a message, unless its author has published one with the same id. */
  publish(publication: StreamPublication): void {
    if (this.#isClosed) return this.onRefused([publication]);
    if (this.#waiting) return void this.#waiting.push(publication);
    const { author, id } = publication;
    const known = id === undefined ? undefined : this.#room.history.messageOf(author, id);
    if (known) publication.onPublished?.(againstKnown(publication, known.seq, known.body));
    else this.stream.publish(publication);
  }

  /**
   * Uses the stream no more. If the room is still being opened, that fails, and what waits is
   * refused.
   *
   * @returns How many messages were refused.
   */
  close(): number {
    if (this.#isClosed) return 0;
    this.#isClosed = true;
    if (!this.isOpening) this.tellPresence();
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#room.history.fail(new HistoryUnavailableError("The room was closed before it was open"));
    this.onRefused(waiting);
    this.#settled?.resolve();
    return waiting.length;
  }

  onOpened(opening: RoomOpening): void {
    this.#room.history.open(opening);
    this.#room.onOpened();
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    for (const publication of waiting) this.publish(publication);
    this.#room.schedulePresence();
    this.#settle();
  }

  onOpenFailed(error: Error): void {
    this.#room.history.fail(error);
    this.#room.onOpenFailed();
    this.close();
  }

  onMessages(messages: readonly StreamedMessage[], own?: readonly StreamPublication[]): void {
    for (const [index, message] of messages.entries()) {
      const publication = own?.[index];
      const { seq, duplicateOf } = message;
      if (duplicateOf === undefined) {
        this.#room.relay(message, publication);
        publication?.onPublished?.({ seq, isDuplicate: false });
      } else if (publication) this.#answerDuplicate(publication, duplicateOf);
    }
    if (own) this.#settle();
  }

  onGap(after: number, upTo: number): void {
    const { history } = this.#room;
    history.skipTo(upTo);
    this.#room.announce({
      type: "gap",
      after: history.positionOf(after),
      before: history.positionOf(upTo + 1),
      missedCount: 0,
      reason: "expired",
    });
  }

  onDeleted(): void {
    this.#room.history.clear();
    this.#room.onDeleted();
  }

  onRefused(publications: readonly StreamPublication[]): void {
    for (const { onPublished, publisher } of publications) {
      if (onPublished) onPublished("not committed");
      else publisher?.onRefused();
    }
    this.#settle();
  }

  onJoined(members: readonly PresentMember[]): void {
    for (const member of members) this.#room.presence.add(member);
    this.#room.schedulePresence();
  }

  onLeft(members: readonly PresentMember[]): void {
    for (const member of members) this.#room.presence.remove(member);
    this.#room.schedulePresence();
  }

  #settle(): void {
    if (this.hasPending) return;
    this.#settled?.resolve();
    this.#settled = undefined;
    this.#room.onSettled();
  }

  #answerDuplicate(publication: StreamPublication, seq: number): void {
    const { author, id, onPublished } = publication;
    if (!onPublished) return;
    const known = this.#room.history.messageOf(author, id!);
    if (known) return onPublished(againstKnown(publication, known.seq, known.body));
    // The log has dropped the first message.
    this.stream.read(seq - 1, 1, 1).then(({ messages: [first] }) => {
      onPublished(
        first?.seq === seq
          ? againstKnown(publication, seq, toBody(first.opcode, first.payload))
          : { seq, isDuplicate: true },
      );
    }, () => onPublished({ seq, isDuplicate: true }));
  }
}

function againstKnown(
  { opcode, bytes }: StreamPublication,
  seq: number,
  body: string | Uint8Array,
): PublishOutcome {
  return toBody(opcode, bytes) === body ? { seq, isDuplicate: true } : "id reused";
}
