import { type MessageOpcode, OPCODE } from "../websocket/frame.ts";
import { Broadcast } from "./log/broadcast.ts";
import { CLOSE_CODES } from "./close_code.ts";
import { toBody } from "./log/frames.ts";
import type { LogBudget } from "./log/log_budget.ts";
import type { Member } from "./member.ts";
import { type Author, type Message, presenceText, saidText } from "./message.ts";
import { MessageLog, type MessageLogOptions } from "./log/message_log.ts";
import { Presence } from "./presence.ts";
import { RoomHistory, type RoomHistoryOptions } from "./history/room_history.ts";

/** How long who comes and goes is gathered before it is told, in milliseconds. */
const PRESENCE_MS = 50;

/** What becomes of a reader that the log has left behind: it is closed with 4008, or it misses what is gone. */
export type SlowReaderPolicy = "close" | "skip";

/** What a room is made of. */
export interface RoomOptions extends Omit<RoomHistoryOptions, "log" | "onCommitted"> {
  /** How many bytes of frames the room keeps in each format that is spoken in it. It is what bounds its memory. */
  readonly logRetentionBytes: number;
  readonly slowReader: SlowReaderPolicy;
  /** The memory that the logs of all rooms share. */
  readonly budget: LogBudget;
  /** Whether members are served what they have said themselves. */
  readonly echo: boolean;
  /** Told of each slow reader, and of how many bytes it has missed if it stays. */
  readonly onSlowReader: (member: Member, missedBytes: number) => void;
  /** Runs a function once the reads that are ready have been let in. */
  readonly defer: (run: () => void) => void;
  /** Runs a function after this many milliseconds. */
  readonly startTimer: (run: () => void, ms: number) => void;
  /** Told that all that was said is kept. */
  readonly onForgettable: (room: Room) => void;
}

/** All members that are spoken to in one format: one log of frames, and the sweeps over it. */
interface Audience {
  readonly log: MessageLog;
  readonly broadcast: Broadcast<Member>;
}

/**
 * Where members hear each other. What is said goes into the history, whose log serves the members that are spoken to in plain
 * text; as long as there are others, it goes into a second log in their format too.
 */
export class Room {
  readonly name: string;
  readonly presence = new Presence();
  readonly history: RoomHistory;
  readonly #options: RoomOptions;
  readonly #plain: Audience;
  #chorus: Audience | undefined;
  readonly #members = new Set<Member>();
  #isPresenceDue = false;

  constructor(name: string, options: RoomOptions) {
    this.name = name;
    this.#options = options;
    this.history = new RoomHistory(name, {
      ...options,
      log: this.#logOptions(),
      onCommitted: () => options.onForgettable(this),
    });
    this.#plain = this.#audience(this.history.log);
  }

  /** How many members it has. */
  get size(): number {
    return this.#members.size;
  }

  /** Resolves when senders may be read from again; undefined if they may now: some reader keeps up, or nobody is there. */
  get backlog(): Promise<void> | undefined {
    if (this.history.backlog) return this.history.backlog;
    const plain = this.#plain.broadcast;
    const chorus = this.#chorus?.broadcast;
    if (!chorus) return plain.backlog;
    if (plain.size === 0) return chorus.backlog;
    return plain.backlog && chorus.backlog && Promise.race([plain.backlog, chorus.backlog]);
  }

  /** Whether all who keep up have been served what has been said so far. */
  get isFlushed(): boolean {
    return this.#plain.broadcast.isFlushed && this.#chorus?.broadcast.isFlushed !== false;
  }

  /** Resolves when what has been said until now has been served to all who keep up. */
  async flushed(): Promise<void> {
    await Promise.all([this.#plain.broadcast.flushed(), this.#chorus?.broadcast.flushed()]);
  }

  /** Lets a member in: it is in the room, and is served from when it is started. */
  join(member: Member): void {
    this.#members.add(member);
    if (member.format === "chorus") {
      const { headSeq } = this.history;
      this.#chorus ??= this.#audience(new MessageLog({ ...this.#logOptions(), headSeq }));
    }
    this.presence.add(member.author.id, member.author);
    this.#tellPresence();
  }

  /** Takes a member out; leaving twice is harmless. */
  leave(member: Member): void {
    if (!this.#members.delete(member)) return;
    member.stop();
    this.#audienceOf(member).broadcast.remove(member);
    if (this.#chorus && !this.#members.values().some(({ format }) => format === "chorus")) {
      this.#chorus.log.dispose();
      this.#chorus = undefined;
    }
    this.presence.remove(member.author.id);
    this.#tellPresence();
  }

  /** Gives back the memory of a room that is forgotten. */
  dispose(): void {
    this.history.dispose();
  }

  /** The log that a member is served from. */
  logOf(member: Member): MessageLog {
    return this.#audienceOf(member).log;
  }

  /** Serves a member from its cursor on, which must be one of its log. */
  goLive(member: Member): void {
    this.#audienceOf(member).broadcast.add(member);
    if (member.cursor.isBehind) this.#audienceOf(member).broadcast.request();
  }

  /** Runs a function once the reads that are ready have been let in. */
  defer(run: () => void): void {
    this.#options.defer(run);
  }

  /**
   * Says a text, unless its author has said one with the same id.
   *
   * @returns The number of the message that was said with it first.
   */
  publishOnce(
    payload: Uint8Array,
    author: Author,
    { id, skip }: { readonly id?: string | undefined; readonly skip?: Member },
  ): number {
    const known = id === undefined ? undefined : this.history.numberOf(author, id);
    if (known !== undefined) return known;
    const number = this.#append(OPCODE.text, payload, 0, payload.length, author, skip);
    if (id !== undefined) this.history.setId(author, id);
    return number;
  }

  /** Says what a member has sent, `bytes` from `start` to `end`, to everybody else. The bytes are copied. */
  say(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number, member: Member): void {
    this.#append(opcode, bytes, start, end, member.author, member);
  }

  /** Decides about a member that has been left behind. Returns whether it stays. */
  handleSlowReader(member: Member, missedBytes: number): boolean {
    const { slowReader, onSlowReader } = this.#options;
    const isKept = slowReader === "skip";
    onSlowReader(member, isKept ? missedBytes : 0);
    if (!isKept) member.close(CLOSE_CODES.tooSlow);
    return isKept;
  }

  #append(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    author: Author,
    skip: Member | undefined,
  ): number {
    const atMs = this.#options.now();
    const plain = this.#plain;
    const offset = this.history.append(opcode, bytes, start, end, { author, atMs });
    const number = plain.log.headSeq;
    const own = this.#options.echo ? undefined : skip;
    if (own?.format === "plain") own.skipOwn({ number, start: offset, end: plain.log.head });
    plain.broadcast.request();
    if (this.#chorus) {
      const body = toBody(opcode, bytes.subarray(start, end));
      this.#appendChorus(this.#chorus, { number, author, atMs, body }, own);
    }
    return number;
  }

  #appendChorus({ log, broadcast }: Audience, message: Message, own: Member | undefined): void {
    const payload = encoder.encode(saidText(this.history.positionOf(message.number), message));
    const start = log.append(OPCODE.text, payload, 0, payload.length);
    if (own?.format === "chorus") own.skipOwn({ number: message.number, start, end: log.head });
    broadcast.request();
  }

  /** Tells who has come and gone, after a while: a thousand arrivals are a few frames and not a thousand. */
  #tellPresence(): void {
    if (this.#isPresenceDue) return;
    this.#isPresenceDue = true;
    this.#options.startTimer(() => {
      this.#isPresenceDue = false;
      const changes = this.presence.takeChanges();
      if (!this.#chorus) return;
      for (const type of ["joined", "left"] as const) {
        const { members, total } = changes[type];
        if (total === 0) continue;
        const text = presenceText(type, { members, count: total, memberCount: this.presence.size });
        this.#chorus.log.appendEvent(OPCODE.text, encoder.encode(text));
      }
      this.#chorus.broadcast.request();
    }, PRESENCE_MS);
  }

  #audienceOf({ format }: Member): Audience {
    return format === "plain" ? this.#plain : this.#chorus!;
  }

  #logOptions(): MessageLogOptions {
    const { logRetentionBytes, budget } = this.#options;
    return { retentionBytes: logRetentionBytes, budget };
  }

  #audience(log: MessageLog): Audience {
    const { logRetentionBytes, defer, startTimer } = this.#options;
    const broadcast = new Broadcast<Member>({
      log,
      defer,
      startTimer,
      handleSlowReader: (member) => this.#handleSlowReader(member),
      maxBacklogBytes: logRetentionBytes / 4,
    });
    return { log, broadcast };
  }

  #handleSlowReader(member: Member): boolean {
    const missedBytes = Math.max(0, this.logOf(member).start - member.cursor.position);
    if (!this.handleSlowReader(member, missedBytes)) return false;
    member.cursor.skipToOldest();
    member.onMissed(this.logOf(member).seqAt(member.cursor.position), "too slow");
    return true;
  }
}

const encoder = new TextEncoder();
