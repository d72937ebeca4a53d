import type {
  RoomListener,
  RoomStream,
  StreamedMessage,
  StreamPage,
  StreamPublication,
} from "../../chat/backplane.ts";
import { HistoryUnavailableError } from "../../chat/history/history.ts";
import type { PresentMember } from "../../chat/presence.ts";
import {
  firstSeqOf,
  type Flush,
  type FlushHead,
  type FlushPart,
  lastSeqOf,
  streamSeqOf,
} from "./flush.ts";
import { appendFlush, type FlushSource } from "./flush_reader.ts";
import { Outbox, type OutboxContext } from "./outbox.ts";
import type { PresenceExchange } from "../presence/presence_exchange.ts";
import { RecentFlushes } from "./recent_flushes.ts";
import { retry } from "./retry.ts";
import { deletionNote, finishDeletion, purgeBefore } from "./room_deletion.ts";
import { openingOf, readTail, type RoomTail } from "./room_opening.ts";
import { RoomPages } from "./room_pages.ts";
import { roomSubject } from "./room_subject.ts";
import { isComplete, isStored } from "./stored_flushes.ts";

/** What the rooms of a process share. */
export interface RoomStreamContext extends OutboxContext {
  readonly presence: PresenceExchange;
  readonly epoch: string;
  decode: FlushSource["decode"];
  /** Returns the stream's last sequence number now. */
  lastStreamSeq(): Promise<number>;
  /** The room is closed. */
  onClosed(room: NatsRoomStream): void;
}

/**
 * The messages of one room in the stream of all rooms.
 *
 * While the room is being opened, flushes that arrive are queued: the newest messages are read
 * first, with what is in the stream before those flushes.
 */
export class NatsRoomStream implements RoomStream {
  readonly name: string;
  readonly subject: string;
  readonly #context: RoomStreamContext;
  readonly #listener: RoomListener;
  readonly #source: FlushSource;
  readonly #outbox: Outbox;
  readonly #pages: RoomPages;
  readonly #opened = Promise.withResolvers<void>();
  #state: "opening" | "open" | "closed" = "opening";
  /** Flushes that arrived while the room was being opened. */
  #early: Flush[] = [];
  /** The stream's sequence number after which all flushes of a room without messages are. */
  readonly #startPosition: number;
  #recent = new RecentFlushes(0);
  #headSeq = 0;
  /** The sequence number of the newest deletion; 0 if none is known. */
  #clearedSeq = 0;
  /** Messages up to this one may have been missed. */
  #missedSeq = 0;
  /** How often the stream had been read from again when the last flush came. */
  #restarts: number;

  constructor(name: string, listener: RoomListener, context: RoomStreamContext) {
    this.name = name;
    this.subject = roomSubject(name);
    this.#listener = listener;
    this.#context = context;
    const { link, client, manager } = context;
    this.#source = {
      clients: { link, client, manager },
      subject: this.subject,
      decode: (payload, place) => context.decode(payload, place),
    };
    this.#outbox = new Outbox(context, {
      subject: this.subject,
      opened: this.#opened.promise,
      head: () => this.#flushHead(),
      onRefused: (publications) => this.#onRefused(publications),
    });
    this.#startPosition = context.consumer.position;
    this.#restarts = context.counters.restarts;
    this.#pages = new RoomPages(this.#source, this);
  }

  /** The sequence number of the newest message that this process has received. */
  get headSeq(): number {
    return this.#headSeq;
  }

  /** All messages up to this sequence number were deleted, even if they are stored; or 0. */
  get clearedSeq(): number {
    return this.#clearedSeq;
  }

  /** See {@linkcode RecentFlushes.nextAfter}. */
  nextAfter(seq: number): number | undefined {
    return seq > this.#missedSeq ? this.#recent.nextAfter(seq) : undefined;
  }

  get backlog(): Promise<void> | undefined {
    const { health, held } = this.#context;
    return health.outage === undefined ? held.backlog : undefined;
  }

  get hasPending(): boolean {
    return !this.#outbox.isEmpty;
  }

  get receivedSeq(): number {
    return firstSeqOf(this.#context.consumer.position + 1) - 1;
  }

  /** Opens the room. Call it once. */
  async open(): Promise<void> {
    const presence = this.#context.presence.open(this.name, this.#listener);
    let tail: RoomTail;
    try {
      tail = await retry(() => readTail(this.#source), () => this.#isClosed);
      await presence;
    } catch (cause) {
      return this.#failToOpen(cause);
    }
    if (this.#isClosed) return;
    const opening = openingOf(tail);
    this.#recent = tail.recent;
    this.#headSeq = opening.headSeq;
    this.#clearedSeq = opening.clearedSeq;
    this.#listener.onOpened(opening);
    try {
      while (this.#early.length > 0) {
        await retry(() => this.#receive(this.#early[0]!), () => this.#isClosed);
        this.#early.shift();
      }
    } catch (cause) {
      // Other flushes are needed, and cannot be read.
      return this.#failToOpen(cause);
    }
    if (this.#isClosed) return;
    this.#state = "open";
    this.#opened.resolve();
    if (this.#clearedSeq === 0) return;
    await finishDeletion(this.#source, streamSeqOf(this.#clearedSeq), this.#context.logger);
  }

  /** Handles the next flush of the room in the stream. */
  handle(flush: Flush): void | Promise<void> {
    if (this.#state === "open") return this.#receive(flush);
    if (this.#state === "opening") this.#early.push(flush);
  }

  publish(publication: StreamPublication): void {
    const { author, id } = publication;
    const seq = id === undefined ? undefined : this.#recent.seqOf(author, id);
    // If the id is known, it is to be compared with that flush again: then it is a duplicate.
    const firstSeq = seq === undefined ? undefined : firstSeqOf(streamSeqOf(seq));
    this.#outbox.publish(publication, firstSeq === undefined ? this.#headSeq : firstSeq - 1);
  }

  async caughtUp(): Promise<void> {
    const { lastStreamSeq, consumer } = this.#context;
    await this.#access(async () => consumer.reached(await lastStreamSeq()));
  }

  read(after: number, limit: number, maxLength: number): Promise<StreamPage> {
    return this.#access(() => this.#pages.read(after, limit, maxLength));
  }

  readBefore(upTo: number, limit: number): Promise<readonly StreamedMessage[]> {
    return this.#access(() => this.#pages.readBefore(upTo, limit));
  }

  /** Tells all processes first: they have newest messages in memory. */
  async delete(): Promise<void> {
    await this.#access(async () => {
      const deletion = Promise.withResolvers<number>();
      this.#outbox.publish(deletionNote(deletion), this.#headSeq);
      const streamSeq = streamSeqOf(await deletion.promise);
      await retry(() => purgeBefore(this.#source, streamSeq), () => this.#isClosed);
    }, "the messages are still in NATS");
  }

  tellPresence(joined: readonly PresentMember[], left: readonly PresentMember[]): void {
    if (!this.#isClosed) this.#context.presence.tell(this.name, joined, left);
  }

  close(): void {
    this.abandon("the room is closed");
  }

  /** Closes the room, and refuses the messages that have not come back. */
  abandon(reason: string): void {
    if (this.#isClosed) return;
    this.#state = "closed";
    this.#outbox.close(reason);
    this.#opened.resolve();
    this.#early = [];
    this.#context.presence.close(this.name);
    this.#context.onClosed(this);
  }

  get #isClosed(): boolean {
    return this.#state === "closed";
  }

  #flushHead(): Omit<FlushHead, "node" | "number"> {
    const tail = this.#recent.tail || this.#startPosition + 1;
    return { epoch: this.#context.epoch, after: this.#headSeq, tail };
  }

  #failToOpen(cause: unknown): void {
    if (this.#isClosed) return;
    this.close();
    this.#listener.onOpenFailed(unavailable(cause));
  }

  /** Delivers a flush, unless it is in the tail. */
  #receive(flush: Flush): void | Promise<void> {
    const { streamSeq, after, isDeletion } = flush;
    if (firstSeqOf(streamSeq) <= this.#headSeq) return;
    const { counters, consumer } = this.#context;
    const { restarts } = counters;
    // What was gone before the room was opened is no gap.
    const isNews = after > this.#headSeq && streamSeqOf(after) > this.#startPosition;
    if (isNews && after < firstSeqOf(streamSeq)) this.#reportGap(after);
    else if (!isDeletion && (restarts !== this.#restarts || streamSeq > consumer.position + 1)) {
      return this.#findGap(streamSeq).then(() => {
        this.#restarts = restarts;
        return this.#append(flush);
      });
    }
    this.#restarts = restarts;
    return this.#append(flush);
  }

  /** Reports a gap if publishes may have been removed before they were read. */
  async #findGap(streamSeq: number): Promise<void> {
    // The gap is reported already, if the flush is handled once more.
    if (this.#headSeq === firstSeqOf(streamSeq) - 1) return;
    const isWhole = this.#headSeq > 0
      ? await isStored(this.#source, streamSeqOf(this.#headSeq))
      : await isComplete(this.#source, this.#startPosition);
    if (!isWhole && !this.#isClosed) this.#reportGap(firstSeqOf(streamSeq) - 1);
  }

  #reportGap(upTo: number): void {
    const after = this.#headSeq;
    this.#headSeq = upTo;
    this.#missedSeq = upTo;
    this.#listener.onGap(after, upTo);
  }

  #append(flush: Flush): void | Promise<void> {
    const appended = appendFlush(this.#recent, flush, this.#source);
    return appended ? appended.then(() => this.#deliver(flush)) : this.#deliver(flush);
  }

  #deliver(flush: Flush): void {
    if (this.#isClosed) return;
    this.#headSeq = lastSeqOf(flush);
    const isOwn = flush.node === this.#context.node;
    const own = isOwn ? this.#outbox.take(flush.number) : undefined;
    if (flush.isDeletion) {
      this.#clearedSeq = this.#headSeq;
      own?.[0]?.deletion?.resolve(this.#headSeq);
      this.#listener.onDeleted();
    } else {
      const isWhole = own?.length === flush.messages.length;
      this.#listener.onMessages(flush.messages, isWhole ? own : undefined);
    }
  }

  #onRefused(publications: readonly FlushPart[]): void {
    for (const { deletion } of publications) deletion?.reject(new Error("NATS cannot be used"));
    this.#listener.onRefused(publications.filter(({ deletion }) => !deletion));
  }

  async #access<T>(act: () => Promise<T>, problem?: string): Promise<T> {
    try {
      await this.#opened.promise;
      if (this.#isClosed) throw new Error("the room is closed");
      return await act();
    } catch (error) {
      throw unavailable(error, problem);
    }
  }
}

function unavailable(
  cause: unknown,
  problem = "Cannot read the messages in NATS",
): HistoryUnavailableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HistoryUnavailableError(`${problem}: ${reason}`, { cause });
}
