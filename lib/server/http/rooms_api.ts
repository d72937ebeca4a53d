import { setImmediate } from "node:timers";
import type { Access } from "../../chat/access.ts";
import type { Chat } from "../../chat/chat.ts";
import type { JoinRequest } from "../../chat/join_request.ts";
import { CLOSE_CODES, type CloseCode } from "../../chat/close_code.ts";
import { HistoryUnavailableError } from "../../chat/history/history.ts";
import type { ListedRoom, LocatedRoom } from "../../chat/room_list.ts";
import { answerInTime } from "./answer_in_time.ts";
import { parseLimit, parseRoomSegment } from "./api_params.ts";
import { json, pageLink, preflight } from "./api_response.ts";
import { historyPage, parseHistoryQuery } from "./history_page.ts";
import { parseJoinRequest } from "./join_request.ts";
import { readPublication } from "./publication.ts";
import type { Guard, Peer, Purpose, Visitor } from "./guard.ts";
import {
  type ApiResult,
  EVENTS_HEADERS,
  forMethod,
  isRefusal,
  type Refusal,
  refusal,
  UNAVAILABLE,
} from "./refusal.ts";

/** The rooms that are read at a time while a client may read few of them. */
const LIST_PAGE = 10_000;

/** How often a list is filled up in place of deleted rooms. After that it is shorter. */
const MAX_LIST_TRIES = 10;

/** What the API needs from the composition root. */
export interface RoomsApiOptions {
  readonly chat: Chat;
  readonly guard: Pick<Guard, "enter" | "refuseConnection">;
  readonly maxMessageBytes: number;
  readonly requestTimeoutMs: number;
  /** Refuses one more member of a room that the server has no capacity for. */
  readonly refuseJoin: (roomName: string) => Refusal | undefined;
  readonly eventStreams: {
    /** Returns a close code if the subscriber cannot join. */
    open(
      joinRequest: JoinRequest,
      visitor: Visitor,
      peer: Peer,
    ): ReadableStream<Uint8Array<ArrayBuffer>> | CloseCode;
  };
}

/** A request for the HTTP API. */
export interface ApiRequest {
  readonly request: Request;
  readonly url: URL;
  readonly peer: Peer;
  readonly requestId: string;
  /** Decides about the request again: what admission depends on may have changed. */
  readonly readmit: () => Refusal | undefined;
}

/**
 * The HTTP API.
 *
 * | request                                | response                                            |
 * | -------------------------------------- | --------------------------------------------------- |
 * | `GET /rooms?after=&limit=`             | the rooms, sorted by name                           |
 * | `POST /rooms/R/messages`               | 201 and the position of the published message       |
 * | `GET /rooms/R/messages?after=&limit=`  | stored messages, in pages, the oldest page first    |
 * | `GET /rooms/R/messages?before=&limit=` | the same, the newest page first                     |
 * | `GET /rooms/R/events`                  | server-sent events, after `Last-Event-ID` if given  |
 */
export class RoomsApi {
  readonly #options: RoomsApiOptions;

  constructor(options: RoomsApiOptions) {
    this.#options = options;
  }

  /**
   * Handles a request for `/rooms` or a path below it.
   *
   * @throws If the server fails to handle it.
   */
  async handle(request: ApiRequest): Promise<ApiResult> {
    try {
      return await this.#respond(request);
    } catch (error) {
      if (!(error instanceof HistoryUnavailableError)) throw error;
      this.#options.chat.logError(error);
      return UNAVAILABLE.unreadable;
    }
  }

  #respond(api: ApiRequest): ApiResult | Promise<ApiResult> {
    const { request, url } = api;
    if (request.method === "OPTIONS") return preflight();
    const [, , segment, resource, ...rest] = url.pathname.split("/");
    const enter = async (
      purpose: Purpose,
      roomName: string | undefined,
      respond: (visitor: Visitor) => ApiResult | Promise<ApiResult>,
    ) => {
      const { peer, requestId } = api;
      const guarded = { peer, headers: request.headers, requestId };
      const entered = await this.#options.guard.enter(guarded, purpose, roomName);
      return isRefusal(entered) ? entered : respond(entered);
    };
    const forMethods = (handlers: Parameters<typeof forMethod>[1]) =>
      forMethod(request, { ...handlers, OPTIONS: preflight });
    if (segment === undefined) {
      return forMethods({
        GET: () => enter("list", undefined, ({ access }) => this.#list(url, access)),
      });
    }
    const roomName = parseRoomSegment(segment);
    if (roomName === undefined) {
      return refusal(
        400,
        "The room in the path must be 1 to 128 visible characters without spaces",
      );
    }
    if (rest.length === 0 && resource === "messages") {
      return forMethods({
        GET: () => enter("read", roomName, () => this.#history(roomName, url)),
        POST: () =>
          enter("publish", roomName, (visitor) => this.#publish(roomName, request, visitor)),
      });
    }
    if (rest.length === 0 && resource === "events") {
      return forMethods({
        GET: () => enter("join", roomName, (visitor) => this.#events(roomName, api, visitor)),
      });
    }
    return refusal(404, "Not found: a room has /messages and /events");
  }

  /** Lists rooms that the client may read, and links to the next ones. */
  async #list({ searchParams }: URL, access: Access): Promise<ApiResult> {
    const limit = parseLimit(searchParams);
    if (typeof limit !== "number") return limit;
    const rooms: LocatedRoom[] = [];
    let after = searchParams.get("after") ?? "";
    let hasMore = true;
    // Rooms of a stream may turn out to have been deleted. Then others are in their place.
    for (let tries = 0; hasMore && rooms.length < limit && tries < MAX_LIST_TRIES; tries++) {
      const missing = limit - rooms.length;
      const found = await this.#findReadable(after, missing, access);
      hasMore = found.length > missing;
      const page = found.slice(0, missing);
      after = page.at(-1)?.name ?? after;
      rooms.push(...await this.#options.chat.rooms.locate(page));
    }
    if (!hasMore) return json({ rooms });
    return json({ rooms }, pageLink("/rooms", "next", { after, limit: `${limit}` }));
  }

  /**
   * Finds rooms that the client may read; more than `limit` if there are more. Nothing tells the
   * client of the others, so this reads on until there are enough, however many others there are.
   */
  async #findReadable(start: string, limit: number, access: Access): Promise<ListedRoom[]> {
    const readable: ListedRoom[] = [];
    let after = start;
    for (let pageSize = limit + 1;; pageSize = LIST_PAGE) {
      const page = await this.#options.chat.rooms.list(after, pageSize);
      readable.push(...page.filter(({ name }) => access.mayRead(name)));
      if (readable.length > limit || page.length < pageSize) return readable;
      after = page.at(-1)!.name;
      // The other clients must not wait for all pages.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #history(roomName: string, { searchParams }: URL): Promise<ApiResult> {
    const query = parseHistoryQuery(searchParams);
    if (isRefusal(query)) return query;
    const { rooms } = this.#options.chat;
    return await answerInTime(async () => {
      if (!await rooms.isKnown(roomName)) {
        return refusal(404, "This room does not exist: it has no members and no stored messages");
      }
      return await rooms.read(roomName, async ({ opened, history }) => {
        await opened;
        return await historyPage(history, roomName, query);
      });
    }, UNAVAILABLE.unreadable);
  }

  async #publish(roomName: string, request: Request, { access }: Visitor): Promise<ApiResult> {
    const { chat } = this.#options;
    const publication = await readPublication(request, this.#options);
    if (isRefusal(publication)) return publication;
    const name = access.name ?? publication.name;
    const published = await answerInTime(
      (signal) => chat.publish(roomName, { ...publication, name }, { signal }),
      "not committed" as const,
    );
    if (published === "no capacity") {
      return UNAVAILABLE.tooManyRooms;
    }
    if (published === "not committed") {
      return refusal(503, "The message is not committed: try again with the same id", {
        "retry-after": "1",
      });
    }
    if (published === "id reused") {
      return refusal(409, "Another text was published with this id: publish it with a new id");
    }
    return json(published, {}, 201);
  }

  #events(roomName: string, api: ApiRequest, visitor: Visitor): ApiResult {
    const { request, url, peer, readmit } = api;
    const { guard, refuseJoin, eventStreams } = this.#options;
    const given = parseJoinRequest(url.search.slice(1), null);
    if (typeof given === "string") return refusal(400, given);
    // While its token was verified, the server may have begun to stop, and others may have joined.
    const refused = readmit() ?? refuseJoin(roomName) ?? guard.refuseConnection(visitor);
    if (refused) return refused;
    // A stream, as Deno adds `Content-Length: 0` to a response without a body.
    if (request.method === "HEAD") return eventsOf(ReadableStream.from<Uint8Array>([]));
    const since = request.headers.get("last-event-id") ?? given.since;
    const joinRequest = { ...given, roomName, since, format: "events" } as const;
    const events = eventStreams.open(joinRequest, visitor, peer);
    if (events instanceof ReadableStream) return eventsOf(events);
    return events === CLOSE_CODES.historyUnavailable
      ? UNAVAILABLE.unreadable
      : refusal(500, "The server failed to open the stream");
  }
}

function eventsOf(events: ReadableStream<Uint8Array>): Response {
  return new Response(events as ReadableStream<Uint8Array<ArrayBuffer>>, {
    headers: EVENTS_HEADERS,
  });
}
