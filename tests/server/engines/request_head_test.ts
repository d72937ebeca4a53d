import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  parseRequestHead,
  RequestError,
  type RequestHead,
} from "../../../lib/server/engines/request_head.ts";

function parse(lines: readonly string[]): RequestHead | RequestError {
  const text = [...lines, "", ""].join("\r\n");
  try {
    return parseRequestHead(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
}

const TARGETS: readonly (readonly [string, string, string, string])[] = [
  ["/ws?room=a?b", "/ws", "room=a?b", "localhost"],
  ["/", "/", "", "localhost"],
  ["/?", "/", "", "localhost"],
  ["/a/../ws", "/a/../ws", "", "localhost"],
  ["/a\\..\\ws?x", "/a\\..\\ws", "x", "localhost"],
  ["//ws", "//ws", "", "localhost"],
  ["/a:b@c", "/a:b@c", "", "localhost"],
  ["/x?http://evil.example/", "/x", "http://evil.example/", "localhost"],
  ["http://evil.example/rooms", "/rooms", "", "evil.example"],
  ["HTTPS://evil.example:99?a=b", "/", "a=b", "evil.example:99"],
  ["ws://[::1]:8000/ws", "/ws", "", "[::1]:8000"],
];

for (const [target, path, query, host] of TARGETS) {
  Deno.test(`parseRequestHead() splits the target ${target}`, () => {
    const head = parse([`GET ${target} HTTP/1.1`, "Host: localhost"]) as RequestHead;
    assertEquals([head.path, head.query, head.host], [path, query, host]);
  });
}

const LENGTHS: readonly (readonly [readonly string[], number | "chunked"])[] = [
  [[], 0],
  [["Content-Length: 0"], 0],
  [["Content-Length: 0010"], 10],
  [["Transfer-Encoding: Chunked"], "chunked"],
];

for (const [lines, length] of LENGTHS) {
  Deno.test(`parseRequestHead() reads the body length of ${JSON.stringify(lines)}`, () => {
    const head = parse(["POST / HTTP/1.1", "Host: a", ...lines]) as RequestHead;
    assertEquals(head.bodyLength, length);
  });
}

Deno.test("parseRequestHead() accepts HTTP/1.0 without Host, OPTIONS *, and an empty Host", () => {
  assertEquals((parse(["GET / HTTP/1.0"]) as RequestHead).host, "");
  assertEquals((parse(["OPTIONS * HTTP/1.1", "Host: a"]) as RequestHead).path, "*");
  assertEquals((parse(["GET / HTTP/1.1", "Host:"]) as RequestHead).host, "");
  assertEquals((parse(["PRI * HTTP/2.0"]) as RequestHead).bodyLength, Infinity);
});

const GET = "GET / HTTP/1.1";
const REFUSED: readonly (readonly [number, readonly string[], string])[] = [
  [400, ["GET /", "Host: a"], "malformed"],
  [400, ["GET  / HTTP/1.1", "Host: a"], "malformed"],
  [400, ["G(T / HTTP/1.1", "Host: a"], "malformed"],
  [400, ["GET / HTTP/1.1 ", "Host: a"], "malformed"],
  [400, ["GET / http/1.1", "Host: a"], "malformed"],
  [400, ["GET / HTTP/1.12", "Host: a"], "malformed"],
  [400, [GET, "Host : a"], "malformed"],
  [400, [GET, "Host: a", " folded"], "malformed"],
  [400, [GET, "Host: a", "X: a\nb"], "malformed"],
  [400, [GET, "Host: a", "X: a\rb"], "malformed"],
  [400, [GET, "Host: a", "X: \x01"], "malformed"],
  [505, ["GET / HTTP/2.0", "Host: a"], "HTTP/2.0"],
  [505, ["GET / HTTP/0.9"], "HTTP/0.9"],
  [505, ["GET / HTTP/1.2", "Host: a"], "HTTP/1.2"],
  [501, ["CONNECT a:80 HTTP/1.1", "Host: a:80"], "CONNECT"],
  [400, [GET], "it was missing"],
  [400, [GET, "Host: a", "Host: a"], "it was a, a"],
  [400, ["GET / HTTP/1.0", "Host: a", "Host: b"], "it was a, b"],
  [400, [GET, "Host: a/ws?"], "it was a/ws?"],
  [400, [GET, "Host: user@a"], "it was user@a"],
  [400, [GET, "Host: a b"], "it was a b"],
  [400, [GET, "Host: a:x"], "it was a:x"],
  [400, ["GET /ws#x HTTP/1.1", "Host: a"], "fragment"],
  [400, ["GET /# HTTP/1.1", "Host: a"], "fragment"],
  [400, ["GET /\xe9 HTTP/1.1", "Host: a"], "ASCII"],
  [400, ["GET /?\xc3\xa9 HTTP/1.1", "Host: a"], "ASCII"],
  [400, ["GET /\x7f HTTP/1.1", "Host: a"], "ASCII"],
  [400, ["GET * HTTP/1.1", "Host: a"], "it was *"],
  [400, ["GET ws HTTP/1.1", "Host: a"], "it was ws"],
  [400, ["GET ?a HTTP/1.1", "Host: a"], "it was ?a"],
  [400, ["GET a:80 HTTP/1.1", "Host: a"], "it was a:80"],
  [400, ["GET http:/// HTTP/1.1", "Host: a"], "it was http:///"],
  [400, ["GET http://u@a/ HTTP/1.1", "Host: a"], "it was http://u@a/"],
  [400, ["GET http://:80/ HTTP/1.1", "Host: a"], "it was http://:80/"],
  [400, [GET, "Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"], "must not have"],
  [400, [GET, "Host: a", "Content-Length: +5"], "it was +5"],
  [400, [GET, "Host: a", "Content-Length: -5"], "it was -5"],
  [400, [GET, "Host: a", "Content-Length: 0x5"], "it was 0x5"],
  [400, [GET, "Host: a", "Content-Length: 5 5"], "it was 5 5"],
  [400, [GET, "Host: a", "Content-Length:"], "Content-Length"],
  [400, [GET, "Host: a", "Content-Length: 5", "Content-Length: 5"], "it was 5, 5"],
  [400, [GET, "Host: a", "Content-Length: 5", "Content-Length: 6"], "it was 5, 6"],
  [400, [GET, "Host: a", "Content-Length: 9999999999999999999"], "it was 9999999999999999999"],
  [400, [GET, "Host: a", "Transfer-Encoding: chunked, identity"], "must end with chunked"],
  [400, [GET, "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "chunked"],
  [400, [GET, "Host: a", "Transfer-Encoding: identity"], "must end with chunked"],
  [400, [GET, "Host: a", "Transfer-Encoding: xchunked"], "must end with chunked"],
  [400, [GET, "Host: a", "Transfer-Encoding: chunked;q=1"], "must end with chunked"],
  [400, [GET, "Host: a", "Transfer-Encoding:"], "must end with chunked"],
  [400, [GET, "Host: a", "Transfer-Encoding: chunked,"], "must end with chunked"],
  [501, [GET, "Host: a", "Transfer-Encoding: gzip, chunked"], "gzip, chunked"],
  [400, ["POST / HTTP/1.0", "Transfer-Encoding: chunked"], "HTTP/1.0"],
];

for (const [status, lines, message] of REFUSED) {
  Deno.test(`parseRequestHead() refuses ${JSON.stringify(lines)} with ${status}`, () => {
    const error = parse(lines) as RequestError;
    assertEquals(error.status, status);
    assertStringIncludes(error.message, message);
  });
}
