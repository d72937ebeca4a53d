import type { MessageOpcode } from "../websocket/opcode.ts";
import { Broadcast } from "./broadcast.ts";
import { CLOSE_CODES } from "./close_code.ts";
import type { Member } from "./member.ts";
import { Cursor, MessageLog } from "./message_log.ts";

/** What becomes of a reader that the log has left behind: it is closed with 4008, or it misses what is gone. */
export type SlowReaderPolicy = "close" | "skip";

/** What a room is made of. */
export interface RoomOptions<M extends Member> {
  /** How many bytes of frames the room keeps. It is what bounds its memory. */
  readonly logRetentionBytes: number;
  readonly slowReader: SlowReaderPolicy;
  /** Told of each slow reader, and of how many bytes it has missed if it stays. */
  readonly onSlowReader: (member: M, missedBytes: number) => void;
  /** Runs a function once the reads that are ready have been let in. */
  readonly defer: (run: () => void) => void;
  /** Runs a function after this many milliseconds. */
  readonly startTimer: (run: () => void, ms: number) => void;
}

/** Where members hear each other: one log, and a cursor in it for each of them. */
export class Room<M extends Member> {
  readonly name: string;
  readonly #options: RoomOptions<M>;
  readonly #log: MessageLog;
  readonly #broadcast: Broadcast<M>;

  constructor(name: string, options: RoomOptions<M>) {
    this.name = name;
    const { logRetentionBytes, defer, startTimer } = options;
    this.#options = options;
    this.#log = new MessageLog({ retentionBytes: logRetentionBytes });
    this.#broadcast = new Broadcast<M>({
      log: this.#log,
      defer,
      startTimer,
      keepsLost: (member) => this.#keepsLost(member),
      maxBacklogBytes: logRetentionBytes / 4,
    });
  }

  /** How many members it has. */
  get size(): number {
    return this.#broadcast.size;
  }

  /** Resolves when senders may be read from again; undefined if they may now. */
  get backlog(): Promise<void> | undefined {
    return this.#broadcast.backlog;
  }

  /** Resolves when all who keep up have been served what has been said so far. */
  flushed(): Promise<void> {
    return this.#broadcast.flushed();
  }

  /** A cursor at the head of the log: whoever has it is served what is said from now on. */
  cursor(): Cursor {
    return new Cursor(this.#log);
  }

  /** Lets a member in. Its cursor must be one of this room's. */
  join(member: M): void {
    this.#broadcast.add(member);
  }

  /** Takes a member out; leaving twice is harmless. */
  leave(member: M): void {
    this.#broadcast.remove(member);
  }

  /** Says a message, `bytes` from `start` to `end`, to everybody but the one to skip. The bytes are copied. */
  say(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number, skip?: M): void {
    const offset = this.#log.append(opcode, bytes, start, end);
    skip?.cursor.skip(offset, this.#log.head);
    this.#broadcast.request();
  }

  #keepsLost(member: M): boolean {
    const { slowReader, onSlowReader } = this.#options;
    const isKept = slowReader === "skip";
    onSlowReader(member, isKept ? member.cursor.skipToOldest() : 0);
    if (!isKept) member.giveUp(CLOSE_CODES.tooSlow);
    return isKept;
  }
}
