import { encodeSaid } from "../../chat/chorus_v1.ts";
import { HistoryUnavailableError } from "../../chat/history/history.ts";
import { parseRoomName } from "../../chat/names.ts";
import type { FieldMap } from "../../websocket/http_head.ts";
import type { Chat, JoinRequest } from "../../chat/chat.ts";
import type { ServerConfig } from "../config.ts";
import { preflight, withCors } from "./cors.ts";
import { parseJoinRequest } from "../join_request.ts";
import { EVENTS_HEADERS } from "./event_streams.ts";
import { problem } from "./problem.ts";
import { readPublication } from "./publication.ts";
import type { Client } from "./routes.ts";

/** How many messages, or rooms, an answer has without `limit`, and at most. */
const LIMIT = { default: 100, max: 1000 };

/** After how many characters of messages an answer has no more. */
const MAX_ANSWER_LENGTH = 1024 * 1024;

/** What the API needs from the composition root. */
export interface RoomsApiOptions {
  readonly config: ServerConfig;
  readonly chat: Chat;
  /** Whether there may be no more listeners. */
  readonly isFull: () => boolean;
  /** Answers a request for a room's events. */
  readonly listen: (joinRequest: JoinRequest, address: string) => Response;
  /** Told why a request could not be answered. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The rooms over HTTP.
 *
 * | request                             | answer                                                        |
 * | ----------------------------------- | ------------------------------------------------------------- |
 * | `GET /rooms?after=&limit=`          | the rooms, by name                                            |
 * | `POST /rooms/R/messages`            | 201 and the position of what was said                         |
 * | `GET /rooms/R/messages?after=&limit=` | what is kept, from behind a position on                     |
 * | `GET /rooms/R/events`               | what is said, as server-sent events, from `Last-Event-ID` on  |
 */
export class RoomsApi {
  readonly #options: RoomsApiOptions;

  constructor(options: RoomsApiOptions) {
    this.#options = options;
  }

  /** Answers a request for `/rooms` or below it. */
  async handle(request: Request, url: URL, client: Client): Promise<Response> {
    try {
      return withCors(request, await this.#answer(request, url, client));
    } catch (error) {
      if (error instanceof HistoryUnavailableError) {
        this.#options.chat.logError(error);
        const detail = "Stored messages cannot be read: try again later";
        return withCors(request, problem(503, detail, { "retry-after": "1" }));
      }
      this.#options.onFault(error);
      return withCors(request, problem(500, "The server failed to answer this request"));
    }
  }

  #answer(request: Request, url: URL, client: Client): Response | Promise<Response> {
    if (request.method === "OPTIONS") return preflight();
    const [, , segment, what, ...rest] = url.pathname.split("/");
    if (segment === undefined) return forMethod(request, { GET: () => this.#list(url) });
    const roomName = parseSegment(segment);
    if (roomName === undefined) {
      return problem(400, "The room in the path must be 1 to 128 visible characters");
    }
    if (rest.length === 0 && what === "messages") {
      return forMethod(request, {
        GET: () => this.#history(roomName, url),
        POST: () => this.#publish(roomName, request),
      });
    }
    if (rest.length === 0 && what === "events") {
      return forMethod(request, { GET: () => this.#events(roomName, request, url, client) });
    }
    return problem(404, "There is nothing here: a room has /messages and /events");
  }

  #list({ searchParams }: URL): Response {
    const limit = parseLimit(searchParams);
    if (limit === undefined) return badLimit();
    const after = searchParams.get("after") ?? "";
    const { rooms } = this.#options.chat;
    const names = rooms.names(after, limit + 1);
    const listed = names.slice(0, limit);
    const next = names.length > limit && link("/rooms", { after: listed.at(-1)!, limit });
    return json(
      {
        rooms: listed.map((each) =>
          rooms.within(each, (room) => ({
            name: each,
            memberCount: room.presence.size,
            position: room.history.positionOf(room.history.headSeq),
          }))
        ),
      },
      next ? { link: next } : {},
    );
  }

  #history(roomName: string, { searchParams }: URL): Response {
    const limit = parseLimit(searchParams);
    if (limit === undefined) return badLimit();
    const { rooms } = this.#options.chat;
    if (!rooms.isKnown(roomName)) {
      return problem(404, "Nobody is in this room, and nothing is kept of it");
    }
    const since = searchParams.get("after") ?? undefined;
    return rooms.within(roomName, (room) => {
      const { after, isRecovered, gap } = room.history.replayStart({ since, last: Infinity });
      const messages = room.history.read(after, limit, MAX_ANSWER_LENGTH);
      const { headSeq } = room.history;
      const seq = messages.at(-1)?.seq ?? headSeq;
      const position = room.history.positionOf(seq);
      const path = `/rooms/${encodeURIComponent(roomName)}/messages`;
      const headers = seq < headSeq ? { link: link(path, { after: position, limit }) } : {};
      const notKeptCount = (messages[0]?.seq ?? headSeq + 1) - after - 1;
      const missedCount = (gap?.missedCount ?? 0) + notKeptCount;
      const recovered = isRecovered && notKeptCount === 0;
      const about = { room: roomName, position, recovered, missedCount };
      const said = messages.map((message) =>
        encodeSaid(room.history.positionOf(message.seq), message)
      );
      const body = `${JSON.stringify(about).slice(0, -1)},"messages":[${said.join(",")}]}\n`;
      return new Response(body, { headers: { ...JSON_HEADERS, ...headers } });
    });
  }

  async #publish(roomName: string, request: Request): Promise<Response> {
    const { config, chat } = this.#options;
    const publication = await readPublication(request, config.maxMessageBytes);
    if ("detail" in publication) return problem(publication.status, publication.detail);
    const published = await chat.publish(roomName, publication);
    if (published === "no capacity") {
      return problem(503, "There are too many rooms: try again later", { "retry-after": "10" });
    }
    if (published === "not committed") {
      return problem(503, "The message may be lost: try again with the same id", {
        "retry-after": "1",
      });
    }
    return json(published, {}, 201);
  }

  #events(roomName: string, { method, headers }: Request, url: URL, { address }: Client): Response {
    const { chat, isFull, listen } = this.#options;
    const given = parseJoinRequest(url.search.slice(1), ANY_FORMAT);
    if (typeof given === "string") return problem(400, given);
    if (isFull() || !chat.rooms.hasCapacityFor(roomName)) {
      return problem(503, "The chat is full: try again later", { "retry-after": "10" });
    }
    if (method === "HEAD") return new Response(null, { headers: EVENTS_HEADERS });
    const since = headers.get("last-event-id") ?? given.since;
    return listen({ ...given, roomName, since, format: "chorus" }, address);
  }
}

const JSON_HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Events have but one format, whatever the request has among its headers. */
const ANY_FORMAT: FieldMap = { get: () => null };

function json(value: unknown, headers: Record<string, string>, status = 200): Response {
  return new Response(JSON.stringify(value) + "\n", {
    status,
    headers: { ...JSON_HEADERS, ...headers },
  });
}

function forMethod(
  { method }: Request,
  methods: Readonly<Record<string, () => Response | Promise<Response>>>,
): Response | Promise<Response> {
  const act = methods[method === "HEAD" ? "GET" : method];
  if (act) return act();
  const allow = ["HEAD", ...Object.keys(methods)].join(", ");
  return problem(405, `This address answers ${allow}: the method was ${method}`, { allow });
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
  return problem(400, `The number in ?limit= must be 1 to ${LIMIT.max}`);
}

function link(path: string, query: { readonly after: string; readonly limit: number }): string {
  const { after, limit } = query;
  return `<${path}?after=${encodeURIComponent(after)}&limit=${limit}>; rel="next"`;
}
