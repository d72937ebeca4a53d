import type { JoinRequest } from "../../chat/join_request.ts";
import { CHORUS_PROTOCOL, PLAIN_PROTOCOL } from "../../chat/chorus_v1.ts";
import { DEFAULT_ROOM_NAME, parseMemberName, parseRoomName } from "../../chat/names.ts";
import { membersOf } from "../../websocket/handshake.ts";

/** The largest value of `?last=`. */
const MAX_LAST = 10_000;

/**
 * Reads what a client asks for: `room`, `name`, `last`, `since`, `session`, and `echo` from the
 * query, and the format from the offered WebSocket subprotocols.
 *
 * @param protocols The value of `Sec-WebSocket-Protocol`.
 * @returns The request, or an error message if a parameter is invalid.
 */
export function parseJoinRequest(query: string, protocols: string | null): JoinRequest | string {
  const params = new URLSearchParams(query);
  const room = params.get("room");
  const roomName = room === null ? DEFAULT_ROOM_NAME : parseRoomName(room);
  if (roomName === undefined) {
    return `?room= must be 1 to 128 visible characters without spaces: it was ${quote(room)}`;
  }
  const givenName = params.get("name");
  const name = givenName === null ? null : parseMemberName(givenName);
  if (name === undefined) {
    return `?name= must be 1 to 64 visible characters or spaces: it was ${quote(givenName)}`;
  }
  const last = params.get("last");
  if (last !== null && !(/^\d{1,5}$/.test(last) && Number(last) <= MAX_LAST)) {
    return `?last= must be a number from 0 to ${MAX_LAST}: it was ${JSON.stringify(last)}`;
  }
  const echo = params.get("echo") ?? "false";
  if (echo !== "true" && echo !== "false") {
    return `?echo= must be true or false: it was ${quote(echo)}`;
  }
  const protocol = selectProtocol(protocols);
  if (protocol === undefined && /(^|,)\s*chorus\.token\./.test(protocols ?? "")) {
    // A client ends a connection that selects none of the subprotocols that it has offered.
    return `Offer ${CHORUS_PROTOCOL} or ${PLAIN_PROTOCOL} together with the subprotocol of a token`;
  }
  return {
    roomName,
    name,
    format: protocol === CHORUS_PROTOCOL ? "chorus.v1" : "plain",
    protocol,
    last: last === null ? undefined : Number(last),
    since: params.get("since") ?? undefined,
    session: params.get("session") ?? undefined,
    echo: echo === "true",
  };
}

/** Selects a subprotocol that the client has offered; undefined if it has offered none of ours. */
function selectProtocol(offered: string | null): string | undefined {
  const protocols = membersOf(offered);
  return [CHORUS_PROTOCOL, PLAIN_PROTOCOL].find((each) => protocols.includes(each));
}

/** Quotes a parameter, with its invisible characters escaped. */
export function quote(text: string | null): string {
  return JSON.stringify(text).replace(
    /[\p{C}\p{DI}\p{Zl}\p{Zp}]/gu,
    (each) => `\\u{${each.codePointAt(0)!.toString(16)}}`,
  );
}
