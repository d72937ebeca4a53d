import type { MessageOpcode } from "../../websocket/frame.ts";
import type { MessageLog } from "../log/message_log.ts";
import type { Author, Message } from "../message.ts";
import { readHistory } from "./history.ts";
import { MessageIds } from "./message_ids.ts";
import { Epochs, newEpochName } from "./position.ts";
import { readBackwards, type ReadBounds } from "./read_steps.ts";
import type {
  HistoryPage,
  PageRange,
  ReplayRequest,
  ReplayStart,
  RoomHistory,
  RoomHistoryOptions,
} from "./room_history.ts";
import { type CommitListener, type Durable, RoomStore } from "./room_store.ts";
import { Transcript } from "./transcript.ts";

/** The options of a {@linkcode LocalHistory}. */
export interface LocalHistoryOptions extends RoomHistoryOptions {
  /** A durable history; undefined if messages are in memory only. */
  readonly durable: Durable | undefined;
  /** Called when more messages are committed than before. */
  readonly onCommitted: () => void;
}

/**
 * The messages of a room that numbers them itself: the newest in memory, and older ones in a
 * durable history, if there is one.
 */
export class LocalHistory implements RoomHistory {
  readonly #options: LocalHistoryOptions;
  readonly #epochs: Epochs;
  readonly #transcript: Transcript;
  readonly #store: RoomStore | undefined;
  /** The ids of messages in memory. */
  readonly #ids = new MessageIds();
  /** The newest message that was there when the history was last cleared. */
  #clearedSeq = 0;

  /** @throws {HistoryUnavailableError} If the durable history cannot be read. */
  constructor(room: string, options: LocalHistoryOptions) {
    const { durable, log, onCommitted } = options;
    this.#options = options;
    const stored = durable && readHistory(() => durable.history.open(room));
    const { headSeq, epochs } = stored ?? { headSeq: 0, epochs: [] };
    const epoch = { name: durable?.history.epoch ?? newEpochName(), after: headSeq };
    const isContinued = epochs.at(-1)?.name === epoch.name;
    this.#epochs = new Epochs(isContinued ? epochs : [...epochs, epoch]);
    const onDropped = () => this.#ids.forget(this.log.seqBefore);
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

  get log(): MessageLog {
    return this.#transcript.log;
  }

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

  get committedSeq(): number {
    return this.#store?.committedSeq ?? this.headSeq;
  }

  get isForgettable(): boolean {
    return this.headSeq === (this.#store ? this.committedSeq : this.seqBefore);
  }

  get backlog(): Promise<void> | undefined {
    return this.#store?.backlog;
  }

  positionOf(seq: number): string {
    return this.#epochs.positionOf(seq);
  }

  seqOf(position: string): number | undefined {
    return this.#epochs.seqOf(position, this.headSeq);
  }

  countBetween(after: number, upTo: number): number {
    return upTo - after;
  }

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

  readPage({ after, upTo }: PageRange, limit: number, maxLength: number): HistoryPage {
    const { seqBefore } = this;
    if (after < seqBefore) {
      return { messages: [], lastSeq: seqBefore, missed: { upTo: seqBefore, reason: "too slow" } };
    }
    const messages = this.#read(after, Math.min(limit, upTo - after), maxLength);
    const lastSeq = messages.at(-1)?.seq ?? upTo;
    const missedUpTo = (messages[0]?.seq ?? upTo + 1) - 1;
    if (missedUpTo <= after) return { messages, lastSeq };
    return { messages, lastSeq, missed: { upTo: missedUpTo, reason: "not committed" } };
  }

  /** If the last message has a smaller sequence number, those between were never committed. */
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

  /** @throws {HistoryUnavailableError} If the durable history cannot be read. */
  messageOf(author: Author, id: string): Message | undefined {
    const seq = this.#ids.seqOf(author, id);
    const message = seq !== undefined && seq > this.log.seqBefore
      ? this.#transcript.read(seq - 1, 1, Infinity)[0]
      : this.#store?.messageOf(author, id);
    return message && message.seq > this.#clearedSeq ? message : undefined;
  }

  /** Notes the id of the newest message, which this author published. */
  setId(author: Author, id: string): void {
    this.#ids.add(author, id, this.headSeq);
    this.#store?.addId(this.headSeq, id);
  }

  awaitCommit(listener: CommitListener): void {
    this.#store!.awaitCommit(listener);
  }

  /** The messages stay in the durable history. */
  clear(): void {
    this.#clearedSeq = this.headSeq;
  }

  dispose(): void {
    this.log.dispose();
  }

  /**
   * The messages after a sequence number, in order and without a gap between them: at most `limit`,
   * and no more once their bodies have `maxLength` characters together. If the first is not the
   * next message, those between were never committed.
   */
  #read(after: number, limit: number, maxLength: number): Message[] {
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
}
