import type { MessageOpcode } from "../../websocket/frame.ts";
import { DurableRoom } from "./durable_room.ts";
import type { Batch, Epoch, History } from "./history.ts";
import type { Committable, Committer } from "./committer.ts";
import type { Author, Message } from "../message.ts";
import type { MessageLog, MessageLogOptions } from "../log/message_log.ts";
import { formatPosition, newEpoch, parsePosition } from "./position.ts";
import { Transcript } from "./transcript.ts";
import { UnkeptMessages } from "./unkept_messages.ts";

/** How much may gather before it is kept. */
const URGENT_BYTES = 64 * 1024;

/** What the history of a room is made of. */
export interface RoomHistoryOptions {
  /** The bounds of what is kept in memory. */
  readonly log: Omit<MessageLogOptions, "headSeq">;
  /** Where messages are kept that must outlive memory; undefined if none must. */
  readonly durable:
    | { readonly history: History; readonly committer: Committer<RoomHistory> }
    | undefined;
  /** How many messages are kept at most; 0 is no bound. */
  readonly historyMessages: number;
  /** For how long messages are kept; 0 is for ever. */
  readonly historyAgeMs: number;
  /** Told why what is kept cannot be read. */
  readonly onHistoryFault: (error: unknown) => void;
  /** Told that more is kept than before. */
  readonly onCommitted: () => void;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** Where in what has been said a member begins. */
export interface ReplayRequest {
  /** The position it has heard up to; it begins there, or at the oldest message that is kept. */
  readonly since?: string | undefined;
  /** Without a position: how many of the last messages it wants. */
  readonly last?: number | undefined;
}

/** How a member is let in. */
export interface ReplayStart {
  /** The number of the message that it is served from, exclusive. */
  readonly after: number;
  /** Whether it gets everything behind the position that it has given. */
  readonly isRecovered: boolean;
  /** What it has missed for good. */
  readonly gap?: {
    readonly after: string;
    /** How many messages of this epoch that is. */
    readonly missedCount: number;
    readonly reason: "expired" | "unknown position";
  };
}

/** What a room remembers of what was said: the transcript in memory, and behind it what is kept in a durable history. */
export class RoomHistory implements Committable {
  readonly #name: string;
  readonly #options: RoomHistoryOptions;
  /** In order; the last is the one that is counted in now. */
  readonly #epochs: readonly Epoch[];
  readonly #transcript: Transcript;
  /** Whether messages can be kept as was asked for. */
  readonly #canKeep: boolean;
  readonly #durable: DurableRoom | undefined;
  readonly #unkept: UnkeptMessages | undefined;
  /** The numbers of the messages that came with an id, by author and id, as long as memory holds them; in order. */
  readonly #numberById = new Map<string, number>();
  /** Who waits for what they have said to be kept. */
  readonly #awaiting = new Set<CommitListener>();

  constructor(name: string, options: RoomHistoryOptions) {
    this.#name = name;
    this.#options = options;
    const { durable, log } = options;
    // What cannot be read must not be written over: then nothing of this room is kept.
    const durableRoom = durable && new DurableRoom(durable.history, name, options.onHistoryFault);
    const kept = durableRoom?.open();
    const headSeq = kept?.headSeq ?? 0;
    const epoch = { name: kept ? durable!.history.epoch : newEpoch(), after: headSeq };
    const epochs = kept?.epochs ?? [];
    this.#epochs = epochs.at(-1)?.name === epoch.name ? epochs : [...epochs, epoch];
    this.#transcript = new Transcript({ ...log, headSeq });
    this.#canKeep = !durable || kept !== undefined;
    if (kept) {
      this.#durable = durableRoom;
      this.#unkept = new UnkeptMessages(this.#transcript, log.retentionBytes);
    }
  }

  /** The messages in memory, as plain text members get them. */
  get log(): MessageLog {
    return this.#transcript.log;
  }

  /** The number of the newest message. */
  get headSeq(): number {
    return this.log.headSeq;
  }

  /** The number of the message before the oldest that is kept. */
  get seqBefore(): number {
    const { historyMessages, historyAgeMs, now } = this.#options;
    const fromMs = historyAgeMs === 0 ? 0 : now() - historyAgeMs;
    const oldest = this.#durable?.oldest(fromMs);
    return Math.max(
      Math.min(this.log.seqBefore, (oldest ?? Infinity) - 1),
      historyMessages === 0 ? 0 : this.headSeq - historyMessages,
      this.#transcript.lastBefore(fromMs),
    );
  }

  /** Up to which message all are as safe as was asked for. */
  get committedSeq(): number {
    if (!this.#canKeep) return 0;
    return this.#unkept?.committedSeq ?? this.headSeq;
  }

  /** Whether what is said is kept beyond memory, now or later. */
  get isDurable(): boolean {
    return this.#unkept !== undefined;
  }

  /** Whether nothing is lost when this is forgotten. */
  get isForgettable(): boolean {
    return this.headSeq === (this.#unkept ? this.committedSeq : this.seqBefore);
  }

  /** Resolves when as much is kept that senders may be read from again; undefined if they may now. */
  get backlog(): Promise<void> | undefined {
    return this.#unkept?.backlog;
  }

  /** The position behind a message. */
  positionOf(number: number): string {
    const epoch = this.#epochs.findLast(({ after }) => after < number) ?? this.#epochs[0]!;
    return formatPosition({ epoch: epoch.name, number });
  }

  /** Where a member begins that asks for this. */
  replayStart({ since, last = 0 }: ReplayRequest): ReplayStart {
    const { headSeq, seqBefore } = this;
    if (since === undefined) {
      return { after: Math.max(seqBefore, headSeq - last), isRecovered: false };
    }
    const number = this.#numberOf(since);
    if (number === undefined) {
      const gap = { after: since, missedCount: seqBefore, reason: "unknown position" } as const;
      return { after: seqBefore, isRecovered: false, gap };
    }
    if (number >= seqBefore) return { after: number, isRecovered: true };
    const missedCount = seqBefore - number;
    const gap = { after: since, missedCount, reason: "expired" } as const;
    return { after: seqBefore, isRecovered: false, gap };
  }

  /**
   * The messages behind this number, in order: `limit` of them, or all there are, or fewer once they are `maxLength` characters
   * long together. There is no hole between them; if some that were not kept stood before the first, that is not the next
   * number.
   */
  read(after: number, limit: number, maxLength: number): Message[] {
    const { seqBefore } = this.log;
    const older = after < seqBefore
      ? this.#durable?.read(after, Math.min(limit, seqBefore - after), maxLength) ?? []
      : [];
    const last = older.at(-1)?.number ?? seqBefore;
    const leftLength = maxLength - older.reduce((sum, { body }) => sum + body.length, 0);
    if (older.length === limit || last < seqBefore || leftLength <= 0) return older;
    const from = Math.max(last, after);
    return [...older, ...this.#transcript.read(from, limit - older.length, leftLength)];
  }

  /** Appends a message. Returns the offset of its frame in the log. */
  append(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    { author, atMs }: Pick<Message, "author" | "atMs">,
  ): number {
    const offset = this.#transcript.append(opcode, bytes, start, end, author, atMs);
    if (this.#unkept) {
      this.#unkept.check();
      this.#options.durable!.committer.request(this);
    }
    return offset;
  }

  /** The number of the message that an author has said with an id, if it is kept. */
  numberOf(author: Author, id: string): number | undefined {
    const known = this.#numberById.get(keyOf(author, id));
    if (known !== undefined && known > this.log.seqBefore) return known;
    return this.#durable?.numberOf(author.id, id);
  }

  /** Tells with which id its author has said the newest message. */
  setId(author: Author, id: string): void {
    for (const [key, number] of this.#numberById) {
      if (number > this.log.seqBefore) break;
      this.#numberById.delete(key);
    }
    this.#numberById.set(keyOf(author, id), this.headSeq);
    this.#unkept?.addId(this.headSeq, id);
  }

  /** Tells a listener when more is kept, or could not be, until it has heard enough. */
  awaitCommit(listener: CommitListener): void {
    if (this.#unkept) {
      this.#awaiting.add(listener);
      this.#options.durable!.committer.request(this);
    } else if (!this.#canKeep) listener.onCommitFailed();
  }

  get isUrgent(): boolean {
    return this.#awaiting.size > 0 || this.#unkept!.bytes > URGENT_BYTES;
  }

  nextBatch(): Batch | undefined {
    if (this.#unkept!.isOvertaken) this.#tellNotKept();
    const unkept = this.#unkept!.next();
    return unkept && { room: this.#name, epoch: this.#epochs.at(-1)!, ...unkept };
  }

  onCommitted(): void {
    this.#unkept!.onCommitted();
    for (const listener of this.#awaiting) {
      if (!listener.onCommitted()) this.#awaiting.delete(listener);
    }
    this.#options.onCommitted();
  }

  onCommitFailed(): void {
    this.#unkept!.onCommitFailed();
    this.#tellNotKept();
  }

  /** Gives back the memory. */
  dispose(): void {
    this.log.dispose();
  }

  #tellNotKept(): void {
    for (const listener of this.#awaiting) {
      if (!listener.onCommitFailed()) this.#awaiting.delete(listener);
    }
  }

  /** How many messages stand before a position; undefined if it is none of this room. */
  #numberOf(since: string): number | undefined {
    const position = parsePosition(since);
    const index = this.#epochs.findIndex(({ name }) => name === position?.epoch);
    if (!position || index < 0) return undefined;
    const next = this.#epochs[index + 1];
    // What was said behind the last that was kept of an epoch is gone with its server.
    if (next) return Math.min(position.number, next.after);
    return position.number <= this.headSeq ? position.number : undefined;
  }
}

function keyOf({ id: authorId }: Author, id: string): string {
  return `${authorId} ${id}`;
}

/** Who waits for messages to be kept. Each returns whether it waits for more. */
export interface CommitListener {
  onCommitted(): boolean;
  onCommitFailed(): boolean;
}
