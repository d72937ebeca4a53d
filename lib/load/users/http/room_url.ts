/** What a room has over HTTP. */
export type RoomResource = "events" | "messages";

/** The room of a user whose URL names none. */
const DEFAULT_ROOM = "lobby";

/**
 * Derives the URL of a room's resource from a user's WebSocket URL, as Chorus serves it:
 * `ws://host/ws?room=tea` has `http://host/rooms/tea/events`. Other parameters remain.
 */
export function roomUrl(webSocketUrl: string, resource: RoomResource): URL {
  const { searchParams } = new URL(webSocketUrl);
  const room = searchParams.get("room") ?? DEFAULT_ROOM;
  searchParams.delete("room");
  const url = resourceUrl(webSocketUrl, encodeURIComponent(room), resource);
  url.search = `${searchParams}`;
  return url;
}

/** The URL of all rooms' resources, for messages: one message stands for all rooms. */
export function roomUrlPattern(webSocketUrl: string, resource: RoomResource): string {
  return resourceUrl(webSocketUrl, "NAME", resource).href;
}

function resourceUrl(webSocketUrl: string, room: string, resource: RoomResource): URL {
  const url = new URL(`rooms/${room}/${resource}`, webSocketUrl);
  url.protocol = url.protocol.replace("ws", "http");
  return url;
}
