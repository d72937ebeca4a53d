import { setImmediate } from "node:timers";
import type { Logger } from "@logtape/logtape";
import { ChorusMember } from "./chorus_member.ts";
import { CLOSE_CODES } from "./close_code.ts";
import type { Member, MemberOptions, WireFormat } from "./member.ts";
import { encodeFrames } from "./log/frames.ts";
import type { History } from "./history/history.ts";
import { PlainMember } from "./plain_member.ts";
import { Registry } from "./registry.ts";
import type { ReplayRequest } from "./history/room_history.ts";
import { Rooms } from "./rooms.ts";
import { SessionKey } from "./session.ts";
import { TurnClock } from "./turn_clock.ts";
import type { Wire } from "./wire.ts";
import { type MessageOpcode, OPCODE } from "../websocket/frame.ts";
import type { ServerConfig } from "../server/config.ts";
import type { Publication } from "../server/http/publication.ts";

/** What a connection has asked for. */
export interface JoinRequest extends ReplayRequest {
  readonly roomName: string;
  /** What it calls itself. */
  readonly name: string | null;
  readonly format: WireFormat;
  /** The token of the session that it was before. */
  readonly session: string | undefined;
}

/** A connection that has been opened. */
export interface NewConnection {
  /** Its UUID. */
  readonly id: string;
  readonly wire: Wire;
  readonly address: string;
}

/** What has become of a publication: it has this position, there is no place for its room, or it may be lost. */
export type Published = { readonly position: string } | "no capacity" | "not committed";

/** Why a connection has ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** The chat that all engines share: who is in it, what is said in it, and the log of both. */
export class Chat {
  readonly #config: ServerConfig;
  readonly #logger: Logger;
  readonly #registry = new Registry<Member>();
  readonly #sessions: SessionKey;
  readonly rooms: Rooms;
  /** How many slow readers the chat has closed, and how many times one has missed something and stayed. */
  readonly slowReaders = { closed: 0, skipped: 0 };

  /** @param history Where what is said is kept beyond memory; undefined if nowhere. */
  constructor(config: ServerConfig, logger: Logger, history: History | undefined) {
    this.#config = config;
    this.#logger = logger;
    this.#sessions = new SessionKey(history?.sessionKey);
    const clock = new TurnClock(setImmediate);
    this.rooms = new Rooms({
      logRetentionBytes: config.logRetentionBytes,
      history,
      historyMessages: config.historyMessages,
      historyAgeMs: config.historyAgeMs,
      onHistoryFault: (error) => this.historyFault(error),
      maxRooms: config.maxRooms,
      maxLogBytes: config.maxLogBytes,
      slowReader: config.slowReader,
      echo: config.echo,
      onSlowReader: (member, missedBytes) => this.#slowReader(member, missedBytes),
      defer: setImmediate,
      startTimer: setTimeout,
      now: () => clock.nowMs,
    });
  }

  /** How many are in the chat. */
  get size(): number {
    return this.#registry.size;
  }

  /**
   * Lets a connection in that has just been opened.
   *
   * @param onMember Told of its member before anything is sent to it: if that fails, the member leaves.
   */
  join(
    { id, wire, address }: NewConnection,
    joinRequest: JoinRequest,
    onMember: (member: Member) => void,
  ): void {
    const { roomName, name, format, session } = joinRequest;
    this.rooms.within(roomName, (room) => {
      const welcome = room.history.replayStart(joinRequest);
      const known = session === undefined ? undefined : this.#sessions.idOf(session);
      const author = { id: format === "chorus" ? known ?? id : id, name };
      const options: MemberOptions = { id, author, room, wire };
      const member = format === "chorus"
        ? new ChorusMember(options, this.#sessions.tokenOf(author.id))
        : new PlainMember(options);
      onMember(member);
      this.#registry.add(member);
      this.#logger.info("{id} connected from {address} to {room}", {
        id,
        address,
        room: room.name,
      });
      room.join(member);
      if (member instanceof ChorusMember) return member.enter(welcome);
      // The greeting is sent first of all, as nothing is delivered yet.
      if (this.#config.greeting !== "") wire.sendFrames(encodeFrames([this.#config.greeting]));
      member.start(welcome.after);
    });
  }

  /** Takes a member out, the moment it closes, fails or is given up. Leaving twice is harmless. */
  leave(member: Member): void {
    if (!this.#registry.remove(member.id)) return;
    member.room.leave(member);
    this.rooms.settle(member.room);
    this.#logger.debug("{id} left the chat", { id: member.id });
  }

  /** Tells that a connection is gone. */
  ended({ id }: Member, { code, reason }: Ending): void {
    this.#logger.info("{id} disconnected with {code} {reason}", { id, code, reason });
  }

  /** Passes a member's message on to the others, or closes the member if the message is not one to be passed on. */
  receive(
    member: Member,
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { binary, logMessages } = this.#config;
    const isText = opcode === OPCODE.text;
    if (!isText && !binary) return member.close(CLOSE_CODES.unsupportedData);
    if (logMessages) {
      const text = isText
        ? new TextDecoder().decode(bytes.subarray(start, end))
        : `(${end - start} bytes)`;
      this.#logger.info("{id} says: {text}", { id: member.id, text });
    }
    member.receive(bytes, start, end, isText);
  }

  /**
   * Says something for somebody who is not in the room.
   *
   * @returns When the message is as safe as was asked for, its position; or why it is not.
   */
  async publish(roomName: string, { text, name, id }: Publication): Promise<Published> {
    for (;;) {
      if (!this.rooms.hasCapacityFor(roomName)) return "no capacity";
      const backlog = this.rooms.within(roomName, (room) => room.backlog);
      if (!backlog) break;
      await backlog;
    }
    if (this.#config.logMessages) {
      this.#logger.info("{name} publishes in {room}: {text}", { name, room: roomName, text });
    }
    const said = Promise.withResolvers<Published>();
    this.rooms.within(roomName, (room) => {
      const payload = new TextEncoder().encode(text);
      const number = room.publishOnce(payload, { id: null, name }, { id });
      const position = room.history.positionOf(number);
      const isKept = () => {
        if (number <= room.history.committedSeq) said.resolve({ position });
        return number > room.history.committedSeq;
      };
      if (!isKept()) return;
      room.history.awaitCommit({
        onCommitted: isKept,
        onCommitFailed: () => {
          said.resolve("not committed");
          return false;
        },
      });
    });
    return await said.promise;
  }

  /** Tells why the durable history cannot be used. */
  historyFault(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#logger.error("The history in {data} fails: {why}", { data: this.#config.data, why });
  }

  #slowReader({ id }: Member, missedBytes: number): void {
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
