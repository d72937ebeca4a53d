import type { CloseCode } from "./close_code.ts";
import type { Author, Message } from "./message.ts";
import { Cursor, type MessageLog } from "./log/message_log.ts";
import type { Room } from "./room.ts";
import type { Wire } from "./wire.ts";

/** How many messages, and about how many characters of them, go at a time to a member that is served what its log has not. */
const PAGE = { messages: 500, length: 256 * 1024 };

/** What is spoken with a member: `chorus` is `chorus.v1`. */
export type WireFormat = "plain" | "chorus";

/** Why a member has missed something: it was slow, or something was not kept. */
export type MissReason = "too slow" | "not committed";

/** What a member is made of. */
export interface MemberOptions {
  /** The UUID of the connection. */
  readonly id: string;
  readonly author: Author & { readonly id: string };
  readonly room: Room;
  readonly wire: Wire;
}

/**
 * A connection in a room.
 *
 * ```text
 * new ──enter(), its log goes back far enough──▶ live ──leaves──▶ gone
 *  └──enter(), it does not──▶ replaying, a page at a time ──the log is reached──▶ live
 * ```
 *
 * What is said meanwhile is in the log, behind what is replayed: nothing is missed, and nothing comes twice.
 */
export abstract class Member {
  readonly id: string;
  readonly author: Author & { readonly id: string };
  readonly room: Room;
  protected readonly wire: Wire;
  abstract readonly format: WireFormat;
  /** How far into the log of its format it has been served, from when it is live. */
  cursor!: Cursor;
  #state: "new" | "replaying" | "live" | "gone" = "new";
  /** Where the log of its format ended when it came. */
  #joinedAt = 0;
  /** What it has said itself before it was live. */
  #own: OwnMessage[] = [];

  constructor({ id, author, room, wire }: MemberOptions) {
    this.id = id;
    this.author = author;
    this.room = room;
    this.wire = wire;
  }

  /** Whether it hears what is said. */
  get isLive(): boolean {
    return this.#state === "live";
  }

  /** Handles what its client has sent. The bytes are lent. */
  abstract receive(bytes: Uint8Array, start: number, end: number, isText: boolean): void;

  /** Messages as frames of its format. */
  protected abstract encode(messages: readonly Message[]): Uint8Array<ArrayBuffer>;

  /** Told that it has been served up to a message. */
  onServed(_number: number): void {}

  /** Told that the messages up to this number are gone before it has been served them, and that it stays. */
  onMissed(_upTo: number, _reason: MissReason): void {}

  /** Sends whole frames out of the log. See {@linkcode Wire.deliver}. */
  deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    return this.wire.deliver(frames, onDelivered);
  }

  /** Ends the connection. It is out of the registry and the room when this returns. */
  close(closeStatus: CloseCode): void {
    this.wire.close(closeStatus);
  }

  /** Begins to serve it what is behind a number, which must be kept: first what has been said, then what is. */
  start(after: number): void {
    if (this.#state === "gone") return;
    this.#state = "replaying";
    this.#joinedAt = this.room.logOf(this).head;
    this.#replay(after);
  }

  /** Ends serving it. */
  stop(): void {
    this.#state = "gone";
  }

  /** Keeps a message of its own, just appended to the log of its format, from being served to it. */
  skipOwn(own: OwnMessage): void {
    if (this.#state === "live") this.cursor.skip(own.start, own.end);
    else this.#own.push(own);
  }

  async #replay(after: number): Promise<void> {
    const log = this.room.logOf(this);
    while (after < log.seqBefore) {
      if (after < this.room.history.seqBefore) {
        if (!this.room.handleSlowReader(this, 0)) return;
        after = this.room.history.seqBefore;
        this.onMissed(after, "too slow");
        continue;
      }
      const limit = Math.min(PAGE.messages, log.seqBefore - after);
      const messages = this.room.history.read(after, limit, PAGE.length);
      const first = messages[0]?.number ?? log.seqBefore + 1;
      if (first > after + 1) this.onMissed(first - 1, "not committed");
      if (messages.length === 0) {
        after = log.seqBefore;
        continue;
      }
      const own = new Set(this.#own.map(({ number }) => number));
      const frames = this.encode(messages.filter(({ number }) => !own.has(number)));
      after = messages.at(-1)!.number;
      this.#own = this.#own.filter(({ number }) => number > after);
      await new Promise<void>((resolve) => {
        // Others have their turn after each page.
        const goOn = () => this.room.defer(resolve);
        if (frames.length === 0 || this.wire.deliver(frames, goOn)) goOn();
      });
      if (this.#state === "gone") return;
      this.onServed(after);
    }
    this.#goLive(log, after);
  }

  #goLive(log: MessageLog, after: number): void {
    this.#state = "live";
    const offset = log.offsetAfter(after);
    this.cursor = new Cursor(log, offset);
    // Asides from before it came are not for it; what it has said itself stands behind them.
    for (const { start, end } of log.events(offset, this.#joinedAt)) this.cursor.skip(start, end);
    for (const { start, end } of this.#own) {
      if (start >= this.cursor.position) this.cursor.skip(start, end);
    }
    this.#own = [];
    this.room.goLive(this);
  }
}

/** A message that a member has said itself, and where it stands in the log of its format. */
export interface OwnMessage {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}
