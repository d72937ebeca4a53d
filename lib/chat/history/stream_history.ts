import type { RoomOpening, RoomStream, StreamedMessage } from "../backplane.ts";
import { toBody } from "../log/frames.ts";
import type { MessageLog } from "../log/message_log.ts";
import type { Author, Message } from "../message.ts";
import { MessageIds } from "./message_ids.ts";
import { formatPosition, parsePosition } from "./position.ts";
import type { ReadBounds } from "./read_steps.ts";
import type {
  HistoryPage,
  PageRange,
  ReplayRequest,
  ReplayStart,
  RoomHistory,
  RoomHistoryOptions,
} from "./room_history.ts";
import { Transcript } from "./transcript.ts";

/** How many authors of a room are remembered, so that equal ones share memory. */
const MAX_AUTHORS = 1000;

/** What a {@linkcode StreamHistory} is made of. */
export interface StreamHistoryOptions extends RoomHistoryOptions {
  /** Names the stream. */
  readonly epoch: string;
  /** Opens the part of the stream that has the room's messages. */
  readonly stream: () => RoomStream;
}

/**
 * The messages of a room whose messages come from a stream: the newest in memory, and older ones in
 * the stream. The stream has numbered them, so that their positions are valid in every process.
 */
export class StreamHistory implements RoomHistory {
  readonly #options: StreamHistoryOptions;
  readonly #transcript: Transcript;
  readonly #ids = new MessageIds();
  /** Each author once: every flush of the stream has objects of its own. */
  readonly #authors = new AuthorTable();
  readonly #opened = Promise.withResolvers<void>();
  #isOpen = false;
  /** The newest message that was there when the history was last cleared. */
  #clearedSeq = 0;
  /** Messages up to this one are gone from the stream, and some have never arrived. */
  #skippedSeq = 0;
  /** The stream has no messages up to this sequence number; undefined if that is unknown. */
  #oldestSeqBefore: number | undefined;

  constructor(options: StreamHistoryOptions) {
    this.#options = options;
    const onDropped = () => this.#ids.forget(this.log.seqBefore);
    this.#transcript = new Transcript({ ...options.log, onDropped });
    // Only those that wait for it handle the error.
    this.#opened.promise.catch(() => {});
  }

  /** Resolves when the messages can be read. Rejects if the stream cannot be read. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get log(): MessageLog {
    return this.#transcript.log;
  }

  get headSeq(): number {
    return this.log.headSeq;
  }

  /** Messages come from the stream, so they are stored. */
  get committedSeq(): number {
    return this.headSeq;
  }

  /** Whether there are messages that were not deleted. */
  get hasMessages(): boolean {
    return this.log.head > 0 && this.headSeq > this.#clearedSeq;
  }

  get isForgettable(): boolean {
    return this.#isOpen && !this.#stream.hasPending;
  }

  /** While the room is being opened, nobody knows what its members may miss. */
  get backlog(): Promise<void> | undefined {
    return this.#isOpen ? this.#stream.backlog : this.opened.catch(() => {});
  }

  /** Starts with the newest messages of the stream. */
  open({ headSeq, tail, hasOlder }: RoomOpening): void {
    this.log.startAfter(headSeq);
    if (!hasOlder) this.#oldestSeqBefore = headSeq;
    for (const message of tail) {
      if (message.duplicateOf === undefined) this.append(message);
    }
    this.#isOpen = true;
    this.#opened.resolve();
  }

  /** The stream cannot be read. */
  fail(error: Error): void {
    this.#opened.reject(error);
  }

  /** Appends a message of the stream. Returns the offset of its frame in the log. */
  append({ seq, author, atMs, opcode, payload, id }: StreamedMessage): number {
    if (this.log.head === 0) this.#startAfter(seq - 1);
    const { length } = payload;
    const shared = this.#authors.shared(author);
    const offset = this.#transcript.append(opcode, payload, 0, length, shared, atMs, seq);
    if (id !== undefined) this.#ids.add(author, id, seq);
    return offset;
  }

  /** Messages up to a sequence number were removed from the stream, and some never arrived. */
  skipTo(seq: number): void {
    this.#skippedSeq = seq;
  }

  positionOf(seq: number): string {
    return formatPosition({ epoch: this.#options.epoch, seq });
  }

  async seqOf(text: string): Promise<number | undefined> {
    const position = parsePosition(text);
    if (position?.epoch !== this.#options.epoch) return undefined;
    // The process that gave the position may have been ahead of this one.
    if (position.seq > this.headSeq) await this.#stream.caughtUp();
    return position.seq <= this.headSeq ? position.seq : undefined;
  }

  /** Numbers are not consecutive, so the count is unknown. */
  countBetween(_after: number, _upTo: number): number {
    return 0;
  }

  replayStart({ since, last = 0 }: ReplayRequest): ReplayStart | Promise<ReplayStart> {
    if (!this.#isOpen) return this.#startOnceOpen({ since, last });
    if (since !== undefined) return this.#startSince(since);
    if (last === 0) return { after: this.headSeq, isRecovered: false };
    const { historyMessages } = this.#options;
    const count = Math.min(last, historyMessages || Infinity);
    const after = this.log.seqBeforeNewest(count) ?? (this.#isWhole ? 0 : undefined);
    if (after === undefined) return this.#startOfLast(count);
    return { after: Math.max(after, this.#memorySeqBefore), isRecovered: false };
  }

  readPage(range: PageRange, limit: number, maxLength: number): HistoryPage | Promise<HistoryPage> {
    const { after, upTo } = range;
    if (!this.#isOpen) return this.opened.then(() => this.readPage(range, limit, maxLength));
    if (after < this.log.seqBefore) return this.#readStream(after, limit, maxLength);
    const messages = this.#transcript.read(after, limit, maxLength);
    return { messages, lastSeq: messages.at(-1)?.seq ?? upTo };
  }

  async readBefore(upTo: number, { limit, maxLength }: ReadBounds): Promise<Message[]> {
    await this.opened;
    const inMemory = this.#transcript.readBefore(upTo, limit, this.#memorySeqBefore);
    const first = inMemory[0]?.seq ?? upTo + 1;
    const missingCount = limit - inMemory.length;
    const older = missingCount > 0 && first - 1 > this.#clearedSeq && !this.#isWhole
      ? await this.#stream.readBefore(first - 1, missingCount)
      : [];
    const newestFirst: Message[] = [];
    let length = 0;
    for (const message of [...older.map(toMessage), ...inMemory].reverse()) {
      if (length >= maxLength || message.seq <= this.#clearedSeq) break;
      newestFirst.push(message);
      length += message.body.length;
    }
    return newestFirst.reverse();
  }

  messageOf(author: Author, id: string): Message | undefined {
    const seq = this.#ids.seqOf(author, id);
    const isKnown = seq !== undefined && seq > Math.max(this.log.seqBefore, this.#clearedSeq);
    return isKnown ? this.#transcript.read(seq - 1, 1, Infinity)[0] : undefined;
  }

  /** Messages are committed before they are appended. */
  awaitCommit(): void {}

  clear(): void {
    this.#clearedSeq = this.headSeq;
  }

  dispose(): void {
    this.#stream.close();
    this.log.dispose();
  }

  /**
   * Starts with the first message. A process that has opened the room before may have given
   * positions of earlier messages, which are gone: only the stream knows.
   */
  #startAfter(seq: number): void {
    if (this.#isWhole) this.#oldestSeqBefore = seq;
    this.log.startAfter(seq);
  }

  /** Whether all messages are in memory. */
  get #isWhole(): boolean {
    return this.#oldestSeqBefore === this.log.seqBefore;
  }

  get #stream(): RoomStream {
    return this.#options.stream();
  }

  /** The sequence number of the message before the oldest in memory that may be served. */
  get #memorySeqBefore(): number {
    const lastOldSeq = this.#transcript.lastOldSeq(this.#options.ageLimit.range);
    return Math.max(this.log.seqBefore, this.#clearedSeq, this.#skippedSeq, lastOldSeq);
  }

  async #readStream(after: number, limit: number, maxLength: number): Promise<HistoryPage> {
    const page = await this.#stream.read(after, limit, maxLength);
    const { headSeq } = this;
    // Messages that have not arrived yet are served when they do.
    const messages = page.messages.filter(({ seq }) => seq > this.#clearedSeq && seq <= headSeq)
      .map(toMessage);
    // If there are none, the next are in memory.
    const lastSeq = page.lastSeq > after ? Math.min(page.lastSeq, headSeq) : this.log.seqBefore;
    if (!page.hasGap && after >= this.#clearedSeq) return { messages, lastSeq };
    const upTo = (messages[0]?.seq ?? lastSeq + 1) - 1;
    return { messages, lastSeq, missed: { upTo, reason: "too slow" } };
  }

  /** Includes the messages that come while the room is being opened. */
  async #startOnceOpen(request: ReplayRequest): Promise<ReplayStart> {
    const { receivedSeq } = this.#stream;
    await this.opened;
    const start = await this.replayStart(request);
    if (request.since !== undefined) return start;
    const after = Math.max(receivedSeq, this.#clearedSeq);
    return { ...start, after: Math.min(start.after, after) };
  }

  async #startSince(since: string): Promise<ReplayStart> {
    const seq = await this.seqOf(since);
    if (seq === undefined) {
      return await this.#startAtOldest({
        after: since,
        missedCount: 0,
        reason: "unknown position",
      });
    }
    if (seq >= this.#memorySeqBefore) return { after: seq, isRecovered: true };
    const { hasGap } = await this.#stream.read(seq, 1, Infinity);
    if (!hasGap && seq >= this.#clearedSeq) return { after: seq, isRecovered: true };
    return await this.#startAtOldest({ after: since, missedCount: 0, reason: "expired" });
  }

  async #startAtOldest(gap?: NonNullable<ReplayStart["gap"]>): Promise<ReplayStart> {
    const { messages } = await this.#stream.read(this.#clearedSeq, 1, Infinity);
    const after = (messages[0]?.seq ?? this.headSeq + 1) - 1;
    return { after, isRecovered: false, ...gap && { gap } };
  }

  async #startOfLast(count: number): Promise<ReplayStart> {
    if (count === Infinity) return await this.#startAtOldest();
    const messages = await this.readBefore(this.headSeq, { limit: count, maxLength: Infinity });
    const after = (messages[0]?.seq ?? this.headSeq + 1) - 1;
    return { after, isRecovered: false };
  }
}

/** Has one object for equal authors, so that they take memory once. */
class AuthorTable {
  readonly #authors = new Map<string, Author>();
  #last: Author | undefined;
  #lastShared: Author | undefined;

  shared(author: Author): Author {
    if (author === this.#last) return this.#lastShared!;
    const key = `${author.id ?? ""}\n${author.name ?? ""}`;
    let shared = this.#authors.get(key);
    if (!shared || shared.id !== author.id || shared.name !== author.name) {
      // The authors of later messages are added again.
      if (this.#authors.size >= MAX_AUTHORS) this.#authors.clear();
      shared = author;
      this.#authors.set(key, author);
    }
    this.#last = author;
    this.#lastShared = shared;
    return shared;
  }
}

function toMessage({ seq, author, atMs, opcode, payload }: StreamedMessage): Message {
  return { seq, author, atMs, body: toBody(opcode, payload) };
}
