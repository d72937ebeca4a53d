import type { Access } from "../../chat/access.ts";
import type { Chat, JoinRequest } from "../../chat/chat.ts";
import { encodeSaid } from "../../chat/chorus_v1.ts";
import { HistoryUnavailableError } from "../../chat/history/history.ts";
import type { LimitHits } from "../../chat/limit_hits.ts";
import { parseRoomName } from "../../chat/names.ts";
import { forMethod, json, JSON_HEADERS, preflight, problem, withCors } from "./api_response.ts";
import { parseJoinRequest } from "./join_request.ts";
import { readPublication } from "./publication.ts";
import type { Guard, Peer, Purpose, Visitor } from "./guard.ts";
import { EVENTS_HEADERS, isRefusal, type Refusal, refuse, UNAVAILABLE } from "./refusal.ts";

/** The number of messages or rooms in one response. */
const LIMIT = { default: 100, max: 1000 };

/** A response ends after the message that makes it longer than this many characters. */
const MAX_RESPONSE_LENGTH = 1024 * 1024;

/** What the API needs from the composition root. */
export interface RoomsApiOptions {
  readonly chat: Chat;
  readonly guard: Pick<Guard, "enter" | "refuseConnection">;
  readonly limitHits: LimitHits;
  readonly maxMessageBytes: number;
  readonly requestTimeoutMs: number;
  /** Whether the chat has reached `--max-connections`. */
  readonly isFull: () => boolean;
  /** Whether this room has reached `--max-room-members`. */
  readonly isRoomFull: (roomName: string) => boolean;
  readonly eventStreams: {
    /** Returns undefined if the stored messages that the subscriber needs cannot be read. */
    open(
      joinRequest: JoinRequest,
      visitor: Visitor,
      peer: Peer,
    ): ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  };
  /** Called with the reason when the API responds with 500. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The HTTP API.
 *
 * | request                               | response                                             |
 * | ------------------------------------- | ---------------------------------------------------- |
 * | `GET /rooms?after=&limit=`            | the rooms, sorted by name                            |
 * | `POST /rooms/R/messages`              | 201 and the position of the published message        |
 * | `GET /rooms/R/messages?after=&limit=` | stored messages, in pages                            |
 * | `GET /rooms/R/events`                 | server-sent events, after `Last-Event-ID` if given   |
 */
export class RoomsApi {
  readonly #options: RoomsApiOptions;

  constructor(options: RoomsApiOptions) {
    this.#options = options;
  }

  /** Handles a request for `/rooms` or a path below it. Never throws. */
  async handle(request: Request, url: URL, peer: Peer): Promise<Response> {
    try {
      return withCors(request, await this.#respond(request, url, peer));
    } catch (error) {
      if (error instanceof HistoryUnavailableError) {
        this.#options.chat.logError(error);
        return withCors(request, this.#refuse(request, UNAVAILABLE.unreadable));
      }
      this.#options.onFault(error);
      return withCors(request, problem(500, "The server failed to handle this request"));
    }
  }

  #respond(request: Request, url: URL, peer: Peer): Response | Promise<Response> {
    if (request.method === "OPTIONS") return preflight();
    const [, , segment, resource, ...rest] = url.pathname.split("/");
    const enter = async (
      purpose: Purpose,
      roomName: string | undefined,
      respond: (visitor: Visitor) => Response | Promise<Response>,
    ) => {
      const entered = await this.#options.guard.enter(
        { peer, headers: request.headers },
        purpose,
        roomName,
      );
      return isRefusal(entered) ? this.#refuse(request, entered) : respond(entered);
    };
    if (segment === undefined) {
      return forMethod(request, {
        GET: () => enter("list", undefined, ({ access }) => this.#list(url, access)),
      });
    }
    const roomName = parseSegment(segment);
    if (roomName === undefined) {
      return problem(
        400,
        "The room in the path must be 1 to 128 visible characters without spaces",
      );
    }
    if (rest.length === 0 && resource === "messages") {
      return forMethod(request, {
        GET: () => enter("read", roomName, () => this.#history(roomName, url)),
        POST: () =>
          enter("publish", roomName, (visitor) => this.#publish(roomName, request, visitor)),
      });
    }
    if (rest.length === 0 && resource === "events") {
      return forMethod(request, {
        GET: () =>
          enter("join", roomName, (visitor) => this.#events(roomName, request, url, visitor, peer)),
      });
    }
    return problem(404, "Not found: a room has /messages and /events");
  }

  #list({ searchParams }: URL, access: Access): Response {
    const limit = parseLimit(searchParams);
    if (limit === undefined) return badLimit();
    const after = searchParams.get("after") ?? "";
    const listed = this.#options.chat.rooms.list(after, limit + 1);
    const page = listed.slice(0, limit);
    const next = listed.length > limit && link("/rooms", { after: page.at(-1)!.name, limit });
    const rooms = page.filter(({ name }) => access.mayRead(name));
    return json({ rooms }, next ? { link: next } : {});
  }

  #history(roomName: string, { searchParams }: URL): Response {
    const limit = parseLimit(searchParams);
    if (limit === undefined) return badLimit();
    const { rooms } = this.#options.chat;
    if (!rooms.isKnown(roomName)) {
      return problem(404, "This room does not exist: it has no members and no stored messages");
    }
    const since = searchParams.get("after") ?? undefined;
    return rooms.read(roomName, (room) => {
      const { after, isRecovered, gap } = room.history.replayStart({ since, last: Infinity });
      const messages = room.history.read(after, limit, MAX_RESPONSE_LENGTH);
      const { headSeq } = room.history;
      const seq = messages.at(-1)?.seq ?? headSeq;
      const position = room.history.positionOf(seq);
      const path = `/rooms/${encodeURIComponent(roomName)}/messages`;
      const headers = seq < headSeq ? { link: link(path, { after: position, limit }) } : {};
      const uncommittedCount = (messages[0]?.seq ?? headSeq + 1) - after - 1;
      const missedCount = (gap?.missedCount ?? 0) + uncommittedCount;
      const recovered = isRecovered && uncommittedCount === 0;
      const about = { room: roomName, position, recovered, missedCount };
      const said = messages.map((message) =>
        encodeSaid(room.history.positionOf(message.seq), message)
      );
      const body = `${JSON.stringify(about).slice(0, -1)},"messages":[${said.join(",")}]}\n`;
      return new Response(body, { headers: { ...JSON_HEADERS, ...headers } });
    });
  }

  async #publish(roomName: string, request: Request, { access }: Visitor): Promise<Response> {
    const { chat } = this.#options;
    const publication = await readPublication(request, this.#options);
    if (publication instanceof Response) return publication;
    const name = access.name ?? publication.name;
    const published = await chat.publish(roomName, { ...publication, name });
    if (published === "no capacity") {
      return this.#refuse(request, UNAVAILABLE.tooManyRooms);
    }
    if (published === "not committed") {
      return problem(503, "The message is not committed: try again with the same id", {
        "retry-after": "1",
      });
    }
    if (published === "id reused") {
      return problem(409, "Another text was published with this id: publish it with a new id");
    }
    return json(published, {}, 201);
  }

  #events(roomName: string, request: Request, url: URL, visitor: Visitor, peer: Peer): Response {
    const { chat, guard, isFull, isRoomFull, eventStreams } = this.#options;
    const given = parseJoinRequest(url.search.slice(1), null);
    if (typeof given === "string") return problem(400, given);
    if (isFull()) return this.#refuse(request, UNAVAILABLE.full);
    if (!chat.rooms.hasCapacityFor(roomName)) {
      return this.#refuse(request, UNAVAILABLE.tooManyRooms);
    }
    if (isRoomFull(roomName)) return this.#refuse(request, UNAVAILABLE.roomFull);
    // Its address may have more connections by now.
    const refusal = guard.refuseConnection(visitor);
    if (refusal) return this.#refuse(request, refusal);
    // A stream, as Deno adds `Content-Length: 0` to a response without a body.
    if (request.method === "HEAD") return eventsOf(ReadableStream.from<Uint8Array>([]));
    const since = request.headers.get("last-event-id") ?? given.since;
    const joinRequest = { ...given, roomName, since, format: "chorus" } as const;
    const events = eventStreams.open(joinRequest, visitor, peer);
    return events ? eventsOf(events) : this.#refuse(request, UNAVAILABLE.unreadable);
  }

  #refuse(request: Request, refusal: Refusal): Response {
    return refuse(request, refusal, this.#options.limitHits);
  }
}

function eventsOf(events: ReadableStream<Uint8Array>): Response {
  return new Response(events as ReadableStream<Uint8Array<ArrayBuffer>>, {
    headers: EVENTS_HEADERS,
  });
}

function parseSegment(segment: string): string | undefined {
  try {
    return parseRoomName(decodeURIComponent(segment));
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function parseLimit(searchParams: URLSearchParams): number | undefined {
  const text = searchParams.get("limit") ?? String(LIMIT.default);
  return /^[1-9]\d{0,3}$/.test(text) && Number(text) <= LIMIT.max ? Number(text) : undefined;
}

function badLimit(): Response {
  return problem(400, `?limit= must be a number from 1 to ${LIMIT.max}`);
}

function link(path: string, query: { readonly after: string; readonly limit: number }): string {
  const { after, limit } = query;
  return `<${path}?after=${encodeURIComponent(after)}&limit=${limit}>; rel="next"`;
}
