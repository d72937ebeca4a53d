import { assertEquals } from "@std/assert";
import { noAnswer, publishRefusal } from "../../../../lib/load/users/http/publish_failure.ts";

const URL = "wss://a/ws?room=tea";

for (
  const [status, isPublished, advice] of [
    [400, "no", "HTTP 400 Bad Request: check that the server takes messages there"],
    [404, "no", "HTTP 404 Not Found: it takes no messages there; check the host and path in"],
    [413, "no", "HTTP 413 Content Too Large: it is too long; lower --size"],
    [500, "unknown", "HTTP 500 Internal Server Error: check that the server takes messages there"],
    [503, "no", "HTTP 503 Service Unavailable: it is overloaded or stopping; lower --rate, or try"],
    [504, "unknown", "HTTP 504 Gateway Timeout: check that the server takes messages there"],
  ] as const
) {
  Deno.test(`publishRefusal() explains HTTP ${status}`, () => {
    const failure = publishRefusal(URL, status)!;
    const expected = `https://a/rooms/NAME/messages refused a message with ${advice}`;
    assertEquals(failure.advice.slice(0, expected.length), expected);
    assertEquals([failure.reason, failure.isPublished], [`HTTP ${status}`, isPublished]);
  });
}

for (const status of [200, 201, 202, 204]) {
  Deno.test(`publishRefusal() takes HTTP ${status} for an acknowledgement`, () => {
    assertEquals(publishRefusal(URL, status), undefined);
  });
}

for (
  const [code, reason, isPublished] of [
    ["ECONNREFUSED", "cannot reach the server", "no"],
    ["EMFILE", "no file descriptors left", "no"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "needs ws://", "no"],
    ["HPE_INVALID_CONSTANT", "not HTTP", "unknown"],
    ["ECONNRESET", "connection closed", "unknown"],
    ["EPIPE", "connection closed", "unknown"],
  ] as const
) {
  Deno.test(`noAnswer() explains ${code}`, () => {
    const failure = noAnswer(URL, Object.assign(new Error("x"), { code }));
    assertEquals([failure.reason, failure.isPublished], [reason, isPublished]);
  });
}
