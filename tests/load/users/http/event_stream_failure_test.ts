import { assertEquals } from "@std/assert";
import { eventStreamRefusal } from "../../../../lib/load/users/http/event_stream_failure.ts";

const URL = "ws://a/ws?room=tea";
const EVENTS = "http://a/rooms/NAME/events";

for (
  const [status, type, cause, advice] of [
    [
      404,
      "",
      "HTTP 404",
      "refused the request with HTTP 404 Not Found: it has no events there; check the host and " +
      "path in --url, or leave out --sse",
    ],
    [
      503,
      "text/event-stream",
      "HTTP 503",
      "refused the request with HTTP 503 Service Unavailable: it is full or stopping; " +
      "try again later",
    ],
    [
      302,
      "",
      "HTTP 302",
      "refused the request with HTTP 302 Found: check that the server serves events there",
    ],
    [
      200,
      "text/html",
      "not an event stream",
      "answered with text/html instead of text/event-stream: check that the server serves events " +
      "there",
    ],
    [
      200,
      "",
      "not an event stream",
      "answered with no Content-Type instead of text/event-stream: check that the server serves " +
      "events there",
    ],
  ] as const
) {
  Deno.test(`eventStreamRefusal() explains HTTP ${status} with "${type}"`, () => {
    assertEquals(eventStreamRefusal(URL, status, type), { cause, advice: `${EVENTS} ${advice}` });
  });
}

Deno.test("eventStreamRefusal() accepts an event stream with a charset", () => {
  assertEquals(eventStreamRefusal(URL, 200, "Text/Event-Stream; charset=utf-8"), undefined);
});
