import type { Logger } from "@logtape/logtape";
import { type MessageOpcode, OPCODE } from "../websocket/frame.ts";
import type { Access, AccessDenial, RenewingMember, VerifyToken } from "./access.ts";
import { AccessExpiry } from "./access_expiry.ts";
import type { Backplane } from "./backplane.ts";
import type { ChatConfig, ChatOptions } from "./chat_options.ts";
import { statusOf } from "./chorus_v1.ts";
import { CLOSE_CODES, type CloseCode } from "./close_code.ts";
import { ChatCounters } from "./counters.ts";
import { HistoryUnavailableError } from "./history/history.ts";
import type { ReplayStart } from "./history/room_history.ts";
import type { JoinRequest, MemberHolder, NewConnection } from "./join_request.ts";
import { loggedText, maskTokens } from "./logged_text.ts";
import { ChorusMember } from "./members/chorus_member.ts";
import type { Member, MemberOptions } from "./members/member.ts";
import { PlainMember } from "./members/plain_member.ts";
import { RateLimit, type RateRules, rateRules } from "./members/rate_limit.ts";
import { SessionKey } from "./members/session.ts";
import { type Publication, type Published, publishIn } from "./publication.ts";
import type { Room } from "./room.ts";
import type { RoomMember } from "./room_member.ts";
import { Rooms } from "./rooms.ts";
import { Turn } from "./turn.ts";

/** The chat that all engines share: a registry of members, and the rooms that they are in. */
export class Chat {
  readonly rooms: Rooms;
  readonly counters: ChatCounters;
  readonly #config: ChatConfig;
  readonly #logger: Logger;
  readonly #backplane: Backplane | undefined;
  readonly #sessions: SessionKey;
  /** Undefined if members may send as much as they want. */
  readonly #rateRules: RateRules | undefined;
  readonly #verifyToken: VerifyToken;
  readonly #expiry: AccessExpiry;
  /**
   * The members by the UUID of their connection. A member is in the registry from when it can be
   * sent to until it closes or fails.
   */
  readonly #registry = new Map<string, Member>();

  constructor(config: ChatConfig, options: ChatOptions) {
    const { logger, history, backplane, defer, deferTurn, startTimer, readMs, ageLimit } = options;
    this.counters = new ChatCounters(options.monotonicMs);
    this.#config = config;
    this.#logger = logger;
    this.#backplane = backplane;
    this.#sessions = new SessionKey(backplane?.sessionKey ?? history?.sessionKey);
    this.#verifyToken = options.verifyToken;
    this.#expiry = new AccessExpiry(options);
    const turn = new Turn(readMs, defer);
    const now = () => turn.nowMs;
    this.#rateRules = rateRules(config, { hits: this.counters.limits, now });
    const { logRetentionBytes, maxLogBytes, historyMessages } = config;
    this.rooms = new Rooms({
      history,
      backplane,
      logRetentionBytes,
      maxLogBytes,
      maxRooms: config.maxRooms || Infinity,
      maxRoomMembers: config.maxRoomMembers || Infinity,
      historyMessages,
      ageLimit,
      slowReader: config.slowReader,
      counters: this.counters,
      echo: config.echo,
      defer: (run) => turn.defer(run),
      deferTurn,
      startTimer,
      now,
      onSlowReader: (member, missedBytes) => this.#slowReader(member, missedBytes),
      onError: (error, id) => this.logError(error, id),
      onDeleted: (room) => this.#closeAll(CLOSE_CODES.roomDeleted, room),
    });
    backplane?.start({
      onOutageChange: () => this.#onOutageChange(),
      onNewEpoch: () => this.#startOver(),
    });
  }

  /** The number of members. */
  get size(): number {
    return this.#registry.size;
  }

  /** The members, in the order in which they joined. */
  get members(): IteratorObject<Member> {
    return this.#registry.values();
  }

  /** The member of a connection; undefined if it has none. */
  memberOf(connectionId: string): Member | undefined {
    return this.#registry.get(connectionId);
  }

  /**
   * Adds a connection that has just opened. If the messages that it needs cannot be read, it is
   * closed with 1013; if its access does not include the room, with 4503. It never throws.
   *
   * @param holder Gets the member before anything is sent to it, as a send that fails makes the
   * member leave.
   */
  join(connection: NewConnection, request: JoinRequest, holder: MemberHolder): void {
    if (!connection.access.mayRead(request.roomName)) {
      return connection.wire.close(CLOSE_CODES.notPermitted);
    }
    try {
      this.rooms.within(
        request.roomName,
        (room) => this.#enter(room, connection, request, holder),
      );
    } catch (error) {
      this.logError(error, connection.id);
      const { historyUnavailable, internalError } = CLOSE_CODES;
      const isUnavailable = error instanceof HistoryUnavailableError;
      connection.wire.close(isUnavailable ? historyUnavailable : internalError);
    }
  }

  /** Removes a member as soon as it closes or fails. Leaving twice is harmless. */
  leave(member: Member): void {
    if (!this.#registry.delete(member.id)) return;
    this.counters.members[member.clientFormat]--;
    this.#expiry.forget(member);
    member.room.leave(member);
    this.rooms.settle(member.room);
    this.#logger.debug("{id} left the chat", { id: member.id });
  }

  /** Logs that the connection of a member has ended. */
  ended(
    { id }: Member,
    { code, reason }: { readonly code: number; readonly reason: string },
  ): void {
    this.#logger.info("{id} disconnected with {code} {reason}", { id, code, reason });
  }

  /** Handles the message `bytes[start, end)` of a member. It never throws. */
  receive(
    member: Member,
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { binary, logMessages } = this.#config;
    const isText = opcode === OPCODE.text;
    if (member.rateLimit?.refuses(end - start)) return member.close(CLOSE_CODES.rateLimited);
    if (!isText && !binary) return member.close(CLOSE_CODES.unsupportedData);
    if (logMessages) {
      const text = loggedText(bytes.subarray(start, end), isText);
      this.#logger.info("{id} sent: {text}", { id: member.id, text });
    }
    try {
      member.receive(bytes, start, end, isText);
    } catch (error) {
      member.fail(error);
    }
  }

  /**
   * Publishes a message for a client that is not in the room. While the room's readers are far
   * behind, it waits. If the signal aborts meanwhile, nothing is published.
   *
   * @returns The position of the message, once it is committed.
   */
  async publish(
    roomName: string,
    publication: Publication,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Published> {
    try {
      for (;;) {
        if (!this.rooms.hasCapacityFor(roomName)) return "no capacity";
        // If the room cannot be opened, nothing is published.
        const backlog = this.rooms.within(roomName, (it) => it.isOpen ? it.backlog : it.opened);
        if (!backlog) break;
        await backlog;
        if (signal?.aborted) return "not committed";
      }
      if (this.#config.logMessages) {
        const { name } = publication;
        const text = maskTokens(publication.text);
        const author = name === null ? "A client without a name" : "{name}";
        this.#logger.info(`${author} published in {room}: {text}`, {
          ...(name === null ? {} : { name }),
          ...{ room: roomName, text },
        });
      }
      return await this.rooms.within(roomName, (room) => publishIn(room, publication));
    } catch (error) {
      if (!(error instanceof HistoryUnavailableError)) throw error;
      this.logError(error);
      return "not committed";
    }
  }

  /**
   * Logs an error that does not end what the chat does.
   *
   * @param id The UUID of the connection that it affects, if it is one.
   */
  logError(error: unknown, id?: string): void {
    const message = error instanceof Error ? error.message : String(error);
    if (id === undefined) this.#logger.error("{error}", { error: message });
    else this.#logger.error("{id} failed: {error}", { id, error: message });
  }

  #enter(
    room: Room,
    { id, wire, access, address, requestId }: NewConnection,
    request: JoinRequest,
    holder: MemberHolder,
  ): void {
    const { format, session, echo } = request;
    const { user } = access;
    const replayStart = room.history.replayStart(request);
    const isChorus = format !== "plain";
    const resumedId = isChorus && session ? this.#sessions.idOf(session, user) : undefined;
    const author = { id: resumedId ?? id, name: access.name ?? request.name };
    const rateLimit = this.#rateRules && new RateLimit(this.#rateRules);
    const options: MemberOptions = {
      ...{ id, address, author, room, wire, access, echo, rateLimit },
      clientFormat: format,
    };
    const member = isChorus
      ? new ChorusMember({
        ...options,
        session: this.#sessions.tokenOf(author.id, user),
        maxMessageBytes: this.#config.maxMessageBytes,
      }, {
        verifyToken: (...renewal) => this.#verify(...renewal),
        onRenewed: (renewed) => this.#expiry.watch(renewed),
      })
      : new PlainMember(options, this.#config.greeting);
    holder.member = member;
    this.#registry.set(id, member);
    this.counters.members[format]++;
    this.#expiry.watch(member);
    const asUser = user === null ? "" : " as {user}";
    const forRequest = requestId === undefined ? "" : " (request {requestId})";
    this.#logger.info(`{id} connected${asUser} from {address} to {room}${forRequest}`, {
      ...{ id, address, room: room.name },
      ...(user === null ? {} : { user }),
      ...(requestId === undefined ? {} : { requestId }),
    });
    room.join(member);
    if (!(replayStart instanceof Promise)) return this.#welcome(member, request, replayStart);
    replayStart.then((start) => this.#welcome(member, request, start))
      .catch((error) => this.#registry.has(id) && member.fail(error));
  }

  #welcome(member: Member, { since }: JoinRequest, start: ReplayStart): void {
    // It may have left while the room was being opened.
    if (!this.#registry.has(member.id)) return;
    if (since !== undefined) this.counters.resumes[start.isRecovered ? "recovered" : "gap"]++;
    member.enter(start);
    if (this.#backplane?.outage !== undefined) member.onStatus(statusOf(false));
  }

  /** Tells the members whether what they publish is stored now. */
  #onOutageChange(): void {
    const { outage } = this.#backplane!;
    if (outage === undefined) this.#logger.info("Messages can be stored again");
    else this.#logger.warning("Messages cannot be stored: {outage}", { outage });
    this.rooms.announce(statusOf(outage === undefined));
  }

  /** Positions are not valid any more, so all members must join again. */
  #startOver(): void {
    this.#closeAll(CLOSE_CODES.startedOver);
    this.rooms.startOver();
  }

  /** Closes the members of a room, or all. */
  #closeAll(status: CloseCode, room?: Room): void {
    const members = this.members.filter((member) => !room || member.room === room);
    for (const member of [...members]) member.close(status);
  }

  /** Verifies the new token of a member. */
  async #verify(token: string, member: RenewingMember): Promise<Access | AccessDenial> {
    const access = await this.#verifyToken(token, member);
    if ("message" in access && access.limit) this.counters.limits[access.limit]++;
    return access;
  }

  #slowReader({ id }: RoomMember, missedBytes: number): void {
    const isClosed = this.#config.slowReader === "close";
    this.counters.slowReaders[isClosed ? "closed" : "skipped"]++;
    const outcome = isClosed ? "closing it" : "skipping {missedBytes} bytes";
    this.#logger.warning(`{id} reads too slowly: ${outcome}`, {
      id,
      ...(isClosed ? {} : { missedBytes }),
    });
  }
}
