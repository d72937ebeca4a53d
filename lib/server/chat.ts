import { setImmediate } from "node:timers";
import type { Logger } from "@logtape/logtape";
import { CLOSE_CODES } from "../chat/close_code.ts";
import type { Member } from "../chat/member.ts";
import { Registry } from "../chat/registry.ts";
import type { Room } from "../chat/room.ts";
import { Rooms } from "../chat/rooms.ts";
import { type MessageOpcode, OPCODE } from "../websocket/opcode.ts";
import type { ServerConfig } from "./config.ts";

/** A member as the engines make it. */
export interface ChatMember extends Member {
  /** Where it hears and is heard. */
  readonly room: Room<ChatMember>;
  /** Sends a text to this member alone, before whatever is said from now on. */
  sendPrivate(text: string): void;
}

/** Why a connection has ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** The chat that all engines share: who is in it, what is said in it, and the log of both. */
export class Chat {
  readonly #config: ServerConfig;
  readonly #logger: Logger;
  readonly #registry = new Registry<ChatMember>();
  readonly rooms: Rooms<ChatMember>;
  /** How many slow readers the chat has closed, and how many times one has missed something and stayed. */
  readonly slowReaders = { closed: 0, skipped: 0 };

  constructor(config: ServerConfig, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
    this.rooms = new Rooms<ChatMember>({
      logRetentionBytes: config.logRetentionBytes,
      slowReader: config.slowReader,
      onSlowReader: (member, missedBytes) => this.#slowReader(member, missedBytes),
      defer: setImmediate,
      startTimer: setTimeout,
    });
  }

  /** How many are in the chat. */
  get size(): number {
    return this.#registry.size;
  }

  /** Lets a connection in that has just been opened. */
  join(member: ChatMember, address: string): void {
    this.#registry.add(member);
    const { id, room } = member;
    this.#logger.info("{id} connected from {address} to {room}", {
      id,
      address,
      room: room.name,
    });
    room.join(member);
    // The greeting is sent first of all, as the cursor is at the head of the log and nothing is delivered yet. If it cannot be
    // sent the member leaves, so it comes last here.
    if (this.#config.greeting !== "") member.sendPrivate(this.#config.greeting);
  }

  /** Takes a connection out, the moment it closes, fails or is given up. Leaving twice is harmless. */
  leave(member: ChatMember): void {
    if (!this.#registry.remove(member.id)) return;
    this.rooms.leave(member.room, member);
    this.#logger.debug("{id} left the chat", { id: member.id });
  }

  /** Tells that a connection is gone. */
  ended({ id }: ChatMember, { code, reason }: Ending): void {
    this.#logger.info("{id} disconnected with {code} {reason}", { id, code, reason });
  }

  /** Passes a member's message on to the others, or closes the member if the message is not one to be passed on. */
  receive(
    member: ChatMember,
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { binary, echo, logMessages } = this.#config;
    if (opcode === OPCODE.binary && !binary) return member.giveUp(CLOSE_CODES.unsupportedData);
    if (logMessages) {
      const text = opcode === OPCODE.text
        ? new TextDecoder().decode(bytes.subarray(start, end))
        : `(${end - start} bytes)`;
      this.#logger.info("{id} says: {text}", { id: member.id, text });
    }
    member.room.say(opcode, bytes, start, end, echo ? undefined : member);
  }

  #slowReader({ id }: ChatMember, missedBytes: number): void {
    if (this.#config.slowReader === "close") {
      this.slowReaders.closed++;
      this.#logger.warning("{id} reads too slowly: closing", { id });
    } else {
      this.slowReaders.skipped++;
      this.#logger.warning("{id} reads too slowly: it misses {missedBytes} bytes", {
        id,
        missedBytes,
      });
    }
  }
}
