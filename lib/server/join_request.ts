import { CHORUS_PROTOCOL } from "../chat/chorus_v1.ts";
import { DEFAULT_ROOM_NAME, parseMemberName, parseRoomName } from "../chat/names.ts";
import { hasToken } from "../websocket/handshake.ts";
import type { FieldMap } from "../websocket/http_head.ts";
import type { JoinRequest } from "../chat/chat.ts";

/** The most messages of its history that a room shows to who joins. */
const MAX_LAST = 10_000;

/**
 * Reads what a WebSocket request asks for: `room`, `name`, `last`, `since` and `session` in its query, and the format in the
 * subprotocols that it offers.
 *
 * @returns A text that says what is wrong with it, if something is.
 */
export function parseJoinRequest(query: string, headers: FieldMap): JoinRequest | string {
  const given = new URLSearchParams(query);
  const room = given.get("room");
  const roomName = room === null ? DEFAULT_ROOM_NAME : parseRoomName(room);
  if (roomName === undefined) {
    return `The room in ?room= must be 1 to 128 visible characters: it was ${JSON.stringify(room)}`;
  }
  const claimed = given.get("name");
  const name = claimed === null ? null : parseMemberName(claimed);
  if (name === undefined) {
    return `The name in ?name= must be 1 to 64 characters that can be seen: it was ${
      JSON.stringify(claimed)
    }`;
  }
  const last = given.get("last");
  if (last !== null && !(/^\d{1,5}$/.test(last) && Number(last) <= MAX_LAST)) {
    return `The number in ?last= must be 0 to ${MAX_LAST}: it was ${JSON.stringify(last)}`;
  }
  return {
    roomName,
    name,
    format: hasToken(headers.get("sec-websocket-protocol"), CHORUS_PROTOCOL) ? "chorus" : "plain",
    last: last === null ? undefined : Number(last),
    since: given.get("since") ?? undefined,
    session: given.get("session") ?? undefined,
  };
}
