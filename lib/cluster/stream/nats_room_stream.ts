import type {
  RoomListener,
  RoomStream,
  StreamedMessage,
  StreamPage,
  StreamPublication,
} from "../../chat/backplane.ts";
import { HistoryUnavailableError } from "../../chat/history/history.ts";
import type { PresentMember } from "../../chat/presence.ts";
import { OPCODE } from "../../websocket/frame.ts";
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
import { readTail, type RoomTail } from "./room_opening.ts";
import { RoomPages } from "./room_pages.ts";
import { roomSubject } from "./room_subject.ts";
import { STREAM } from "./stream_setup.ts";

/** How long to try to open a room. */
const OPEN_TIMEOUT_MS = 10_000;

/** The pause between two attempts to open a room. */
const OPEN_PAUSE_MS = 250;

/** Says that all messages before it were deleted. */
const DELETION: FlushPart = {
  opcode: OPCODE.binary,
  bytes: new Uint8Array(0),
  author: { id: null, name: null },
  isDeletion: true,
};

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
  /** The deletions that have not come back, in order. */
  readonly #deletions: PromiseWithResolvers<number>[] = [];

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
      headSeq: () => this.#headSeq,
      head: () => this.#flushHead(),
      onRefused: (publications) => this.#onRefused(publications),
    });
    this.#startPosition = context.consumer.position;
    this.#pages = new RoomPages(this.#source, () => this.#headSeq);
  }

  /** The sequence number of the newest message that this process has received. */
  get headSeq(): number {
    return this.#headSeq;
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
      tail = await this.#readTail();
      await presence;
    } catch (cause) {
      if (this.#state === "closed") return;
      this.close();
      this.#listener.onOpenFailed(unavailable(cause));
      return;
    }
    if (this.#isClosed) return;
    const last = tail.flushes.at(-1);
    const deletion = tail.flushes.findLastIndex(({ isDeletion }) => isDeletion);
    this.#recent = tail.recent;
    this.#headSeq = last ? lastSeqOf(last) : 0;
    this.#listener.onOpened({
      headSeq: this.#headSeq,
      tail: tail.flushes.slice(deletion + 1).flatMap(({ messages }) => messages),
      hasOlder: tail.flushes.length > 0 && tail.flushes[0]!.after > 0,
    });
    while (this.#early.length > 0) {
      try {
        await this.#receive(this.#early[0]!);
        this.#early.shift();
      } catch {
        // What is needed besides cannot be read now.
        await new Promise((resolve) => setTimeout(resolve, OPEN_PAUSE_MS));
      }
    }
    if (this.#isClosed) return;
    this.#state = "open";
    this.#opened.resolve();
  }

  /** Handles the next flush of the room in the stream. */
  handle(flush: Flush): void | Promise<void> {
    if (this.#state === "open") return this.#receive(flush);
    if (this.#state === "opening") this.#early.push(flush);
  }

  publish(publication: StreamPublication): void {
    this.#outbox.publish(publication);
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
    const { link, manager } = this.#context;
    await this.#access(async () => {
      const told = Promise.withResolvers<number>();
      this.#deletions.push(told);
      this.#outbox.publish(DELETION);
      const purge = { filter: this.subject, seq: streamSeqOf(await told.promise) };
      await link.call(() => manager.streams.purge(STREAM, purge));
    });
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

  /** Reads the newest messages; tries again until the time is over. */
  async #readTail(): Promise<RoomTail> {
    const endMs = performance.now() + OPEN_TIMEOUT_MS;
    for (;;) {
      try {
        return await readTail(this.#source);
      } catch (error) {
        if (this.#isClosed || performance.now() + OPEN_PAUSE_MS > endMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, OPEN_PAUSE_MS));
      }
    }
  }

  /** Delivers a flush, unless it is in the tail. */
  #receive(flush: Flush): void | Promise<void> {
    if (firstSeqOf(flush.streamSeq) <= this.#headSeq) return;
    // What was gone before the room was opened is no gap.
    const isNews = flush.after > this.#headSeq && streamSeqOf(flush.after) > this.#startPosition;
    if (isNews && flush.after < firstSeqOf(flush.streamSeq)) {
      const after = this.#headSeq;
      this.#headSeq = flush.after;
      this.#listener.onGap(after, flush.after);
    }
    const appended = appendFlush(this.#recent, flush, this.#source);
    return appended ? appended.then(() => this.#deliver(flush)) : this.#deliver(flush);
  }

  #deliver(flush: Flush): void {
    if (this.#isClosed) return;
    this.#headSeq = lastSeqOf(flush);
    const isOwn = flush.node === this.#context.node;
    const own = isOwn ? this.#outbox.take(flush.number) : undefined;
    if (flush.isDeletion) {
      if (own) this.#deletions.shift()!.resolve(this.#headSeq);
      this.#listener.onDeleted();
    } else {
      const isWhole = own?.length === flush.messages.length;
      this.#listener.onMessages(flush.messages, isWhole ? own : undefined);
    }
  }

  #onRefused(publications: readonly FlushPart[]): void {
    for (const { isDeletion } of publications) {
      if (isDeletion) this.#deletions.shift()!.reject(new Error("NATS cannot be used"));
    }
    this.#listener.onRefused(publications.filter(({ isDeletion }) => !isDeletion));
  }

  async #access<T>(act: () => Promise<T>): Promise<T> {
    try {
      await this.#opened.promise;
      if (this.#isClosed) throw new Error("the room is closed");
      return await act();
    } catch (error) {
      throw unavailable(error);
    }
  }
}

function unavailable(cause: unknown): HistoryUnavailableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HistoryUnavailableError(`Cannot read the messages in NATS: ${reason}`, { cause });
}
