/** What a room has over HTTP. */
export type RoomResource = "events" | "messages";

/** The room of a user whose URL names none. */
const DEFAULT_ROOM = "lobby";

/** Returns the room that a user's WebSocket URL names. */
export function roomOf(webSocketUrl: string): string {
  return new URL(webSocketUrl).searchParams.get("room") ?? DEFAULT_ROOM;
}

/**
 * Derives the URL of a room's resource from a user's WebSocket URL, as Chorus serves it:
 * `ws://host/ws?room=tea` has `http://host/rooms/tea/events`. Other parameters remain.
 */
export function roomUrl(webSocketUrl: string, resource: RoomResource): URL {
  const room = encodeURIComponent(roomOf(webSocketUrl));
  return withQuery(resourceUrl(webSocketUrl, `rooms/${room}/${resource}`), webSocketUrl);
}

/** Derives the URL of the list of all rooms in the same way. */
export function roomsUrl(webSocketUrl: string): URL {
  return withQuery(resourceUrl(webSocketUrl, "rooms"), webSocketUrl);
}

/** The URL of all rooms' resources, for messages: one message stands for all rooms. */
export function roomUrlPattern(webSocketUrl: string, resource: RoomResource): string {
  return resourceUrl(webSocketUrl, `rooms/NAME/${resource}`).href;
}

function resourceUrl(webSocketUrl: string, path: string): URL {
  const url = new URL(path, webSocketUrl);
  url.protocol = url.protocol.replace("ws", "http");
  return url;
}

function withQuery(url: URL, webSocketUrl: string): URL {
  const { searchParams } = new URL(webSocketUrl);
  searchParams.delete("room");
  url.search = `${searchParams}`;
  return url;
}
