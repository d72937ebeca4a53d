import type { Author, Message } from "../message.ts";
import type { AgeRange } from "./age_range.ts";
import type { Committable, Committer } from "./committer.ts";
import { type Batch, type Epoch, type History, readHistory } from "./history.ts";
import { packBodies } from "./packed_bodies.ts";
import { nextStep } from "./read_steps.ts";
import type { Transcript } from "./transcript.ts";

/** Messages of this many bytes are committed at once. */
const URGENT_BYTES = 64 * 1024;

/**
 * Limits for uncommitted bytes, as multiples of the log's retention. Above `held`, the server stops
 * reading from senders. Some senders cannot be stopped, so above `dropped` the log may drop the
 * oldest uncommitted messages.
 */
const MAX_UNCOMMITTED = { held: 1 / 4, dropped: 4 };

/** A history, and what commits to it. */
export interface Durable {
  readonly history: History;
  readonly committer: Committer;
}

/** What a {@linkcode RoomStore} is made of. */
export interface RoomStoreOptions extends Durable {
  readonly room: string;
  /** The epoch in which the room's messages are numbered now. */
  readonly epoch: Epoch;
  /** The messages in memory. Those that it has at first are committed. */
  readonly transcript: Transcript;
  /** How many bytes of committed messages the log retains. */
  readonly retentionBytes: number;
  /** Called when more messages are committed than before. */
  readonly onCommitted: () => void;
}

/** Waits for messages to be committed. Each method returns whether the listener waits for more. */
export interface CommitListener {
  /** More messages are committed than before. */
  onCommitted(): boolean;
  /** Messages that are not committed yet may be lost. */
  onCommitFailed(): boolean;
}

/**
 * The messages of a room in a durable history: the committed ones, which it reads, and the
 * uncommitted ones, which wait in the transcript. The log retains uncommitted messages beyond its
 * retention.
 */
export class RoomStore implements Committable {
  readonly #options: RoomStoreOptions;
  #committedSeq: number;
  /** The offset in the log at which the last committed message ends. */
  #committedOffset: number;
  /** The end of the batch that is being committed. */
  #batchEnd = { seq: 0, offset: 0 };
  /** The ids of uncommitted messages, in order. */
  #ids: (readonly [seq: number, id: string])[] = [];
  readonly #listeners = new Set<CommitListener>();
  #isFailing = false;
  #backlog: PromiseWithResolvers<void> | undefined;

  constructor(options: RoomStoreOptions) {
    const { log } = options.transcript;
    this.#options = options;
    this.#committedSeq = log.headSeq;
    this.#committedOffset = log.head;
    log.pinnedFrom = log.head;
  }

  /** The sequence number of the last message before the first uncommitted one. */
  get committedSeq(): number {
    return this.#committedSeq;
  }

  /** Resolves when senders may be read from again; undefined if they may be read from now. */
  get backlog(): Promise<void> | undefined {
    return this.#backlog?.promise;
  }

  /**
   * Schedules the commit of a message that was just appended to the transcript, and holds senders
   * back if too much waits. While commits fail or stall, senders are not held back: live chat goes
   * on, and the log may drop uncommitted messages.
   */
  onAppended(): void {
    const { transcript: { log }, committer, retentionBytes } = this.#options;
    const isTooLong = this.#uncommittedBytes > MAX_UNCOMMITTED.dropped * retentionBytes;
    if (committer.isStalled || isTooLong) log.pinnedFrom = Infinity;
    if (this.#isLong && !this.#isFailing && !committer.isStalled) {
      this.#backlog ??= Promise.withResolvers();
    }
    committer.request(this);
  }

  /** Notes the id of the newest message. */
  addId(seq: number, id: string): void {
    this.#ids.push([seq, id]);
    // While commits fail, most ids may belong to messages that the log has dropped.
    if (this.#ids.length % 1024 === 0) {
      const { seqBefore } = this.#options.transcript.log;
      this.#ids = this.#ids.filter(([each]) => each > seqBefore);
    }
  }

  /** Calls a listener whenever a commit ends, until it waits for no more. */
  awaitCommit(listener: CommitListener): void {
    const { committer } = this.#options;
    if (committer.isStalled) return void listener.onCommitFailed();
    this.#listeners.add(listener);
    committer.request(this);
  }

  /**
   * The message that an author published with this id, if it is stored.
   *
   * @throws {HistoryUnavailableError} If the history cannot be read. The same goes for the next
   * three.
   */
  messageOf({ id: authorId }: Author, id: string): Message | undefined {
    const { history, room } = this.#options;
    return readHistory(() => history.messageOf(room, authorId, id));
  }

  /** The sequence number of the oldest stored message that is young enough to be served, if any. */
  oldestSeq(range: AgeRange): number | undefined {
    const { history, room } = this.#options;
    return readHistory(() => history.oldestSeq(room, range));
  }

  /**
   * The stored messages after a sequence number, in order, up to a gap: at most `limit`, and no
   * more once their bodies have `maxLength` characters together.
   */
  read(after: number, limit: number, maxLength: number): Message[] {
    const { history, room } = this.#options;
    const messages: Message[] = [];
    for (let length = 0; messages.length < limit && length < maxLength;) {
      const step = nextStep(messages.length, limit);
      const last = messages.at(-1)?.seq ?? after;
      const read = readHistory(() => history.read(room, last, step));
      for (const message of read) {
        if (length >= maxLength) break;
        if (messages.length > 0 && message.seq !== messages.at(-1)!.seq + 1) return messages;
        messages.push(message);
        length += message.body.length;
      }
      if (read.length < step) break;
    }
    return messages;
  }

  /** The newest stored messages up to a sequence number, in order: at most `limit`. */
  readBefore(upTo: number, limit: number): Message[] {
    const { history, room } = this.#options;
    return readHistory(() => history.readBefore(room, upTo, limit));
  }

  get isUrgent(): boolean {
    return this.#listeners.size > 0 || this.#uncommittedBytes > URGENT_BYTES;
  }

  /** The oldest uncommitted messages: as many as one chunk of the log has. */
  nextBatch(): Batch | undefined {
    const { transcript, room, epoch } = this.#options;
    const { log } = transcript;
    if (this.#committedOffset < log.start) {
      // The log has dropped uncommitted messages. Their listeners must hear it before the seq moves
      // on.
      this.#notify("onCommitFailed");
      this.#committedOffset = log.start;
      this.#committedSeq = log.seqBefore;
    }
    if (this.#committedOffset === log.head) return undefined;
    const frames = log.read(this.#committedOffset, log.head);
    const offset = this.#committedOffset + frames.length;
    const seq = log.seqAt(offset);
    this.#batchEnd = { seq, offset };
    const firstSeq = this.#committedSeq + 1;
    return {
      room,
      epoch,
      firstSeq,
      bodies: packBodies(frames, seq - this.#committedSeq),
      authorSpans: transcript.authorSpans(firstSeq, seq),
      ids: this.#ids.filter(([each]) => each >= firstSeq && each <= seq),
    };
  }

  onCommitted(): void {
    const { seq, offset } = this.#batchEnd;
    this.#isFailing = false;
    this.#committedSeq = seq;
    this.#committedOffset = offset;
    this.#ids = this.#ids.filter(([each]) => each > seq);
    this.#options.transcript.log.pinnedFrom = offset;
    if (!this.#isLong) this.#releaseSenders();
    this.#notify("onCommitted");
    this.#options.onCommitted();
  }

  onCommitFailed(): void {
    this.#isFailing = true;
    this.#options.transcript.log.pinnedFrom = Infinity;
    this.#releaseSenders();
    this.#notify("onCommitFailed");
  }

  get #uncommittedBytes(): number {
    return this.#options.transcript.log.head - this.#committedOffset;
  }

  /** Whether so much waits for its commit that senders should be held back. */
  get #isLong(): boolean {
    return this.#uncommittedBytes > MAX_UNCOMMITTED.held * this.#options.retentionBytes;
  }

  #releaseSenders(): void {
    this.#backlog?.resolve();
    this.#backlog = undefined;
  }

  #notify(event: keyof CommitListener): void {
    for (const listener of this.#listeners) {
      if (!listener[event]()) this.#listeners.delete(listener);
    }
  }
}
