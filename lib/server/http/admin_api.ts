import type { Logger } from "@logtape/logtape";
import type { Chat } from "../../chat/chat.ts";
import { CLOSE_CODES } from "../../chat/close_code.ts";
import { parseRoomName } from "../../chat/names.ts";
import { HistoryUnavailableError } from "../../chat/history/history.ts";
import type { Member } from "../../chat/members/member.ts";
import type { AdminToken } from "../security/admin_token.ts";
import { ipOf, parseIp } from "../security/ip_address.ts";
import { answerInTime } from "./answer_in_time.ts";
import { parseLimit, parseRoomSegment } from "./api_params.ts";
import { json, pageLink } from "./api_response.ts";
import type { Guard } from "./guard.ts";
import { quote } from "./join_request.ts";
import {
  type ApiResult,
  CHALLENGE,
  forMethod,
  isRefusal,
  type Refusal,
  refusal,
} from "./refusal.ts";
import type { ApiRequest } from "./rooms_api.ts";

/**
 * What selects connections, apart from their id. `parse` reads a value in its one spelling;
 * undefined if no connection can have it.
 */
const FILTERS = {
  room: { parse: parseRoomName, rule: "1 to 128 visible characters without spaces" },
  user: { parse: (text: string) => text || undefined, rule: "the name of a user" },
  address: { parse: (text: string) => parseIp(text)?.text, rule: "an IP address without a port" },
} as const;

/** The minimum time between two log lines about wrong tokens. */
const LOG_INTERVAL_MS = 1000;

/** Messages that cannot be deleted in time may be deleted later. */
const UNDELETED = refusal(503, "The messages of the room cannot be deleted now: try again", {
  "retry-after": "1",
});

/** What the API needs from the composition root. */
export interface AdminApiOptions {
  readonly chat: Chat;
  readonly guard: Pick<Guard, "checkSecret">;
  /** Reads a clock that never goes back, in milliseconds. */
  readonly monotonicMs: () => number;
  readonly token: Pick<AdminToken, "isIn">;
  readonly logger: Logger;
}

/**
 * The HTTP API of administrators. Each request needs the token of `--admin-token-file`.
 *
 * | request                                                     | response                      |
 * | ----------------------------------------------------------- | ----------------------------- |
 * | `GET /admin/connections?room=&user=&address=&after=&limit=` | connections, the oldest first |
 * | `DELETE /admin/connections?room=&user=&address=`            | how many it has closed        |
 * | `DELETE /admin/connections/ID`                              | 204                           |
 * | `DELETE /admin/rooms/ROOM`                                  | 204                           |
 */
export class AdminApi {
  readonly #options: AdminApiOptions;
  #loggedAtMs = -Infinity;
  /** The number of wrong tokens since the last log line about one. */
  #unloggedCount = 0;

  constructor(options: AdminApiOptions) {
    this.#options = options;
  }

  /** Handles a request for a path below `/admin`. */
  handle({ request, url, peer, requestId }: ApiRequest): ApiResult | Promise<ApiResult> {
    const { headers } = request;
    const { guard, token } = this.#options;
    const checked = guard.checkSecret({ peer, headers }, () => token.isIn(headers));
    if (isRefusal(checked)) return checked;
    if (!checked.isRight) {
      if (checked.isRight === false) this.#logWrongToken(checked.ip, requestId);
      return refusal(401, "Send the token of --admin-token-file: Authorization: Bearer TOKEN", {
        "www-authenticate": CHALLENGE,
      });
    }
    const [, , resource, segment, ...rest] = url.pathname.split("/");
    if (rest.length === 0 && resource === "connections" && segment === undefined) {
      return forMethod(request, {
        GET: () => this.#list(url.searchParams),
        DELETE: () => this.#closeAll(url.searchParams, requestId),
      });
    }
    if (rest.length === 0 && resource === "connections") {
      return forMethod(request, { DELETE: () => this.#closeOne(segment!, requestId) });
    }
    if (rest.length === 0 && resource === "rooms" && segment !== undefined) {
      return forMethod(request, { DELETE: () => this.#deleteRoom(segment, requestId) });
    }
    return refusal(404, "Not found: administrators have /admin/connections and /admin/rooms/ROOM");
  }

  #list(params: URLSearchParams): ApiResult {
    const limit = parseLimit(params);
    if (typeof limit !== "number") return limit;
    const filter = filterOf(params, ["after", "limit"]);
    if ("status" in filter) return filter;
    const after = params.get("after") ?? "";
    // Ids begin with the time.
    const listed = [...this.#select(filter)].filter(({ id }) => id > after)
      .sort((one, other) => one.id < other.id ? -1 : 1);
    const page = listed.slice(0, limit);
    const body = { connections: page.map(describe) };
    if (listed.length === page.length) return json(body);
    const next = { ...filter, after: page.at(-1)!.id, limit: `${limit}` };
    return json(body, pageLink("/admin/connections", "next", next));
  }

  #closeAll(params: URLSearchParams, requestId: string): ApiResult {
    const filter = filterOf(params, []);
    if ("status" in filter) return filter;
    if (Object.keys(filter).length === 0) {
      return refusal(400, "Select the connections to close with ?room=, ?user=, or ?address=");
    }
    const members = [...this.#select(filter)];
    for (const member of members) this.#close(member, requestId);
    return json({ closed: members.length });
  }

  #closeOne(id: string, requestId: string): ApiResult {
    const member = this.#options.chat.memberOf(id);
    if (!member) return refusal(404, "There is no connection with this id");
    this.#close(member, requestId);
    return new Response(null, { status: 204 });
  }

  async #deleteRoom(segment: string, requestId: string): Promise<ApiResult> {
    const name = parseRoomSegment(segment);
    try {
      const deleted = name !== undefined && await answerInTime(
        (signal) => this.#delete(name, { requestId, signal }),
        "late" as const,
      );
      if (!deleted) return refusal(404, "There is no such room");
      if (deleted === "late") return UNDELETED;
      return new Response(null, { status: 204 });
    } catch (error) {
      if (!(error instanceof HistoryUnavailableError)) throw error;
      this.#options.chat.logError(error);
      return UNDELETED;
    }
  }

  /** Returns whether there is such a room. */
  async #delete(name: string, { requestId, signal }: DeleteOptions): Promise<boolean> {
    const { chat, logger } = this.#options;
    if (!await chat.rooms.isKnown(name) || signal.aborted) return false;
    for (const member of [...this.#select({ room: name })]) member.close(CLOSE_CODES.roomDeleted);
    await chat.rooms.delete(name);
    logger.info("An administrator deleted the room {room} (request {requestId})", {
      room: name,
      requestId,
    });
    return true;
  }

  /** Logs that a token was wrong, so that guessing leaves a trace, but does not flood the log. */
  #logWrongToken(ip: string, requestId: string): void {
    const { logger, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    if (nowMs - this.#loggedAtMs < LOG_INTERVAL_MS) {
      this.#unloggedCount++;
      return;
    }
    const more = this.#unloggedCount > 0 ? ", and {count} more since the last such line" : "";
    logger.warning(
      `A request from {ip} had a wrong token of administrators${more} (request {requestId})`,
      { ip, count: this.#unloggedCount, requestId },
    );
    this.#loggedAtMs = nowMs;
    this.#unloggedCount = 0;
  }

  *#select(filter: Filter): Iterable<Member> {
    for (const member of this.#options.chat.members) {
      if (filter.room !== undefined && member.room.name !== filter.room) continue;
      if (filter.user !== undefined && member.access.user !== filter.user) continue;
      if (filter.address !== undefined && ipOf(member.address) !== filter.address) continue;
      yield member;
    }
  }

  #close(member: Member, requestId: string): void {
    const { id } = member;
    this.#options.logger.info("{id} is closed by an administrator (request {requestId})", {
      id,
      requestId,
    });
    member.close(CLOSE_CODES.removed);
  }
}

interface DeleteOptions {
  readonly requestId: string;
  /** Deletes nothing if it has aborted before the room is found. */
  readonly signal: AbortSignal;
}

type Filter = Partial<Readonly<Record<keyof typeof FILTERS, string>>>;

/** Reads what selects connections. A misspelled parameter must not select more than was meant. */
function filterOf(params: URLSearchParams, others: readonly string[]): Filter | Refusal {
  const unknown = [...params.keys()].find((each) =>
    !Object.hasOwn(FILTERS, each) && !others.includes(each)
  );
  if (unknown !== undefined) return refusal(400, `There is no parameter ?${unknown}=`);
  const filter: Record<string, string> = {};
  for (const [name, { parse, rule }] of Object.entries(FILTERS)) {
    const value = params.get(name);
    if (value === null) continue;
    const parsed = parse(value);
    if (parsed === undefined) {
      return refusal(400, `?${name}= must be ${rule}: it was ${quote(value)}`);
    }
    filter[name] = parsed;
  }
  return filter;
}

/** A connection as the API shows it. */
function describe({ id, access, author, address, room, clientFormat: format }: Member) {
  const { user } = access;
  const connectedAt = new Date(parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toISOString();
  return { id, user, name: author.name, address, room: room.name, format, connectedAt };
}
