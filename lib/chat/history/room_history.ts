import type { MessageOpcode } from "../../websocket/frame.ts";
import type { GapReason } from "../chorus_v1.ts";
import type { MessageLog, MessageLogOptions } from "../log/message_log.ts";
import type { Author, Message } from "../message.ts";
import type { AgeRange } from "./age_range.ts";
import { readHistory } from "./history.ts";
import { Epochs, newEpochName } from "./position.ts";
import { readBackwards, type ReadBounds } from "./read_steps.ts";
import { type CommitListener, type Durable, RoomStore } from "./room_store.ts";
import { Transcript } from "./transcript.ts";

/** What a {@linkcode RoomHistory} is made of. */
export interface RoomHistoryOptions {
  /** The bounds of the messages in memory. */
  readonly log: Omit<MessageLogOptions, "headSeq" | "onDropped">;
  /** A durable history; undefined if messages are in memory only. */
  readonly durable: Durable | undefined;
  /** The maximum number of messages; 0 disables the limit. */
  readonly historyMessages: number;
  /** Decides which messages are too old. */
  readonly ageLimit: { readonly range: AgeRange };
  /** Called when more messages are committed than before. */
  readonly onCommitted: () => void;
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

/**
 * The messages of one room: the newest in memory, and older ones in a durable history, if there is
 * one.
 */
export class RoomHistory {
  readonly #options: RoomHistoryOptions;
  readonly #epochs: Epochs;
  readonly #transcript: Transcript;
  readonly #store: RoomStore | undefined;
  /** The sequence numbers of messages in memory that have an id, by author and id, ascending. */
  readonly #seqById = new Map<string, number>();
  /** The newest message that was there when the history was last cleared. */
  #clearedSeq = 0;

  /** @throws {HistoryUnavailableError} If the durable history cannot be read. */
  constructor(room: string, options: RoomHistoryOptions) {
    const { durable, log, onCommitted } = options;
    this.#options = options;
    const stored = durable && readHistory(() => durable.history.open(room));
    const { headSeq, epochs } = stored ?? { headSeq: 0, epochs: [] };
    const epoch = { name: durable?.history.epoch ?? newEpochName(), after: headSeq };
    const isContinued = epochs.at(-1)?.name === epoch.name;
    this.#epochs = new Epochs(isContinued ? epochs : [...epochs, epoch]);
    const onDropped = () => this.#forgetIds();
    this.#transcript = new Transcript({ ...log, headSeq, onDropped });
    this.#store = durable && new RoomStore({
      ...durable,
      room,
      epoch: this.#epochs.current,
      transcript: this.#transcript,
      retentionBytes: log.retentionBytes,
      onCommitted,
    });
  }

  /** The messages in memory, as plain text members get them. */
  get log(): MessageLog {
    return this.#transcript.log;
  }

  /** The sequence number of the newest message. */
  get headSeq(): number {
    return this.log.headSeq;
  }

  /**
   * The sequence number of the message before the oldest that is retained.
   *
   * @throws {HistoryUnavailableError} If the durable history cannot be read.
   */
  get seqBefore(): number {
    const { historyMessages, ageLimit: { range } } = this.#options;
    const { seqBefore } = this.log;
    const oldestSeq = this.#store?.oldestSeq(range) ?? Infinity;
    return Math.max(
      this.#clearedSeq,
      historyMessages === 0 ? 0 : this.headSeq - historyMessages,
      // If older messages than those in memory are retained, so are all in memory.
      oldestSeq <= seqBefore
        ? oldestSeq - 1
        : Math.max(seqBefore, this.#transcript.lastOldSeq(range)),
    );
  }

  /** The sequence number up to which every message is committed, or in memory if that suffices. */
  get committedSeq(): number {
    return this.#store?.committedSeq ?? this.headSeq;
  }

  /** Whether messages go to a durable history. */
  get isDurable(): boolean {
    return this.#store !== undefined;
  }

  /** Whether nothing is lost when the room's memory is freed. */
  get isForgettable(): boolean {
    return this.headSeq === (this.#store ? this.committedSeq : this.seqBefore);
  }

  /** Resolves when senders may be read from again; undefined if they may be read from now. */
  get backlog(): Promise<void> | undefined {
    return this.#store?.backlog;
  }

  /** The position after the message with this sequence number. */
  positionOf(seq: number): string {
    return this.#epochs.positionOf(seq);
  }

  /** The sequence number of the message before a position; undefined if it is unknown. */
  seqOf(position: string): number | undefined {
    return this.#epochs.seqOf(position, this.headSeq);
  }

  /**
   * Decides where a replay starts.
   *
   * @throws {HistoryUnavailableError} If the durable history cannot be read.
   */
  replayStart({ since, last = 0 }: ReplayRequest): ReplayStart {
    const { headSeq } = this;
    // A join without a replay needs no read, so it works even if the history cannot be read.
    if (since === undefined && last === 0) return { after: headSeq, isRecovered: false };
    const { seqBefore } = this;
    if (since === undefined) {
      return { after: Math.max(seqBefore, headSeq - last), isRecovered: false };
    }
    const seq = this.seqOf(since);
    if (seq !== undefined && seq >= seqBefore) return { after: seq, isRecovered: true };
    const gap = seq === undefined
      ? { after: since, missedCount: seqBefore, reason: "unknown position" } as const
      : { after: since, missedCount: seqBefore - seq, reason: "expired" } as const;
    return { after: seqBefore, isRecovered: false, gap };
  }

  /**
   * The messages after a sequence number, in order and without a gap between them: at most `limit`,
   * and no more once their bodies have `maxLength` characters together. If the first is not the
   * next message, those between were never committed.
   *
   * @throws {HistoryUnavailableError} If the durable history cannot be read.
   */
  read(after: number, limit: number, maxLength: number): Message[] {
    const { seqBefore } = this.log;
    const older = after < seqBefore && this.#store
      ? this.#store.read(after, Math.min(limit, seqBefore - after), maxLength)
      : [];
    const lastSeq = older.at(-1)?.seq ?? seqBefore;
    const leftLength = maxLength - older.reduce((sum, { body }) => sum + body.length, 0);
    if (older.length === limit || lastSeq < seqBefore || leftLength <= 0) return older;
    const newer = this.#transcript.read(
      Math.max(lastSeq, after),
      limit - older.length,
      leftLength,
    );
    return [...older, ...newer];
  }

  /**
   * The newest retained messages up to a sequence number, in order and without a gap between them.
   * If the last is not the message with this sequence number, those between were never committed.
   *
   * @throws {HistoryUnavailableError} If the durable history cannot be read.
   */
  readBefore(upTo: number, bounds: ReadBounds): Message[] {
    const { seqBefore } = this;
    // Without a store, no older messages are retained than those in memory.
    const inMemory = this.log.seqBefore;
    return readBackwards(upTo, bounds, (last, limit) => {
      if (last <= seqBefore) return [];
      const after = Math.max(last - limit, inMemory, seqBefore);
      return last > inMemory
        ? this.#transcript.read(after, last - after, Infinity)
        : this.#store!.readBefore(last, limit).filter(({ seq }) => seq > seqBefore);
    });
  }

  /** Appends `bytes[start, end)` as a message. Returns the offset of its frame in the log. */
  append(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    author: Author,
    atMs: number,
  ): number {
    const offset = this.#transcript.append(opcode, bytes, start, end, author, atMs);
    this.#store?.onAppended();
    return offset;
  }

  /**
   * The message that an author published with this id, if it is retained.
   *
   * @throws {HistoryUnavailableError} If the durable history cannot be read.
   */
  messageOf(author: Author, id: string): Message | undefined {
    const seq = this.#seqById.get(keyOf(author, id));
    const message = seq !== undefined && seq > this.log.seqBefore
      ? this.#transcript.read(seq - 1, 1, Infinity)[0]
      : this.#store?.messageOf(author, id);
    return message && message.seq > this.#clearedSeq ? message : undefined;
  }

  /** Notes the id of the newest message, which this author published. */
  setId(author: Author, id: string): void {
    this.#seqById.set(keyOf(author, id), this.headSeq);
    this.#store?.addId(this.headSeq, id);
  }

  /**
   * Calls a listener whenever a commit ends, until it waits for no more. Needs a durable history.
   */
  awaitCommit(listener: CommitListener): void {
    this.#store!.awaitCommit(listener);
  }

  /** Retains none of the messages published until now. They stay in the durable history. */
  clear(): void {
    this.#clearedSeq = this.headSeq;
  }

  /** Frees the memory. Nothing may be appended afterwards. */
  dispose(): void {
    this.log.dispose();
  }

  /** Forgets the ids of messages that the log has dropped. */
  #forgetIds(): void {
    for (const [key, seq] of this.#seqById) {
      if (seq > this.log.seqBefore) break;
      this.#seqById.delete(key);
    }
  }
}

function keyOf({ id: authorId }: Author, id: string): string {
  return `${authorId} ${id}`;
}
