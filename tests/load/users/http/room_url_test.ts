import { assertEquals } from "@std/assert";
import {
  roomOf,
  roomsUrl,
  roomUrl,
  roomUrlPattern,
} from "../../../../lib/load/users/http/room_url.ts";

for (
  const [url, events] of [
    ["ws://a:8000/ws", "http://a:8000/rooms/lobby/events"],
    ["wss://a/ws?room=tea", "https://a/rooms/tea/events"],
    ["ws://a/chat/ws?name=Ann+Lee&room=a%2Fb", "http://a/chat/rooms/a%2Fb/events?name=Ann+Lee"],
    ["ws://[::1]:1/", "http://[::1]:1/rooms/lobby/events"],
    ["ws://a", "http://a/rooms/lobby/events"],
  ] as const
) {
  Deno.test(`roomUrl() derives ${events}`, () => {
    assertEquals(roomUrl(url, "events").href, events);
  });
}

Deno.test("roomOf() returns the room of a URL, or lobby", () => {
  assertEquals(roomOf("ws://a/ws?room=a%2Fb"), "a/b");
  assertEquals(roomOf("ws://a/ws?name=Ann"), "lobby");
});

Deno.test("roomsUrl() keeps all parameters but the room", () => {
  assertEquals(roomsUrl("wss://a/chat/ws?room=tea&key=k").href, "https://a/chat/rooms?key=k");
});

Deno.test("roomUrlPattern() names no room", () => {
  assertEquals(roomUrlPattern("ws://a/ws?room=tea", "messages"), "http://a/rooms/NAME/messages");
});
