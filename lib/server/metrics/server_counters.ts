import type { Limit } from "../../chat/counters.ts";
import type { FieldMap } from "../../websocket/http_head.ts";
import { isUpgrade } from "../../websocket/handshake.ts";
import type { Refusal, UnavailableCode } from "../http/refusal.ts";

/** What a WebSocket handshake can end with. */
export const HANDSHAKE_OUTCOMES = [
  "accepted",
  "bad_request",
  "unauthorized",
  "forbidden",
  "not_found",
  "rate_limited",
  "server_full",
  "too_many_rooms",
  "room_full",
  "overloaded",
  "draining",
  "unavailable",
] as const;

/** What a WebSocket handshake has ended with. */
export type HandshakeOutcome = typeof HANDSHAKE_OUTCOMES[number];

const BY_CODE: Readonly<Partial<Record<UnavailableCode, HandshakeOutcome>>> = {
  server_full: "server_full",
  too_many_rooms: "too_many_rooms",
  room_full: "room_full",
  server_overloaded: "overloaded",
  server_stopping: "draining",
};

const BY_STATUS: Readonly<Record<number, HandshakeOutcome>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  429: "rate_limited",
  503: "unavailable",
};

/** The statuses of refusals. */
const STATUSES = [400, 401, 403, 404, 405, 408, 409, 413, 415, 426, 429, 431, 500, 501, 503, 505];

/** The part of a request that decides whether it is a handshake. */
interface CountedRequest {
  readonly path: string;
  readonly headers: FieldMap;
}

/** What the server has decided about requests since it started. */
export class ServerCounters {
  /** The number of WebSocket handshakes by outcome. */
  readonly handshakes: Record<HandshakeOutcome, number> = Object.fromEntries(
    HANDSHAKE_OUTCOMES.map((outcome) => [outcome, 0]),
  ) as Record<HandshakeOutcome, number>;
  /** The number of refused HTTP requests by status, apart from WebSocket handshakes. */
  readonly refusals: Record<number, number> = Object.fromEntries(
    STATUSES.map((status) => [status, 0]),
  );
  /** How often clients ran into each limit. */
  readonly limits: Record<Limit, number>;

  /** @param limits Those of the chat, so that each limit is counted in one place. */
  constructor(limits: Record<Limit, number>) {
    this.limits = limits;
  }

  countHandshake(outcome: HandshakeOutcome): void {
    this.handshakes[outcome]++;
  }

  /**
   * Counts a request that is refused. Call it where the response is made, because the direct engine
   * decides about most requests twice.
   */
  countRefusal(request: CountedRequest, refusal: Pick<Refusal, "status" | "code" | "limit">): void {
    const { status, code } = refusal;
    if (request.path !== "/ws" && !isUpgrade(request.headers)) return this.countMalformed(refusal);
    this.countLimit(refusal);
    this.countHandshake((code && BY_CODE[code]) ?? BY_STATUS[status] ?? "bad_request");
  }

  /** Counts a request that is refused before it is known whether it is a handshake. */
  countMalformed(refusal: { readonly status: number; readonly limit?: Limit | undefined }): void {
    const { status } = refusal;
    this.refusals[status] = (this.refusals[status] ?? 0) + 1;
    this.countLimit(refusal);
  }

  /** Counts the limit that a refusal is about, if any. */
  countLimit({ limit }: { readonly limit?: Limit | undefined }): void {
    if (limit) this.limits[limit]++;
  }
}
