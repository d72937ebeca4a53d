import { assertEquals, assertThrows } from "@std/assert";
import { HeadReader, HeadTooLongError, parseHead } from "../../lib/websocket/http_head.ts";

const encoder = new TextEncoder();

const HEAD = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Pushes these pieces, each of which is lent, and returns the last result. */
function push(maxBytes: number, ...pieces: string[]) {
  const reader = new HeadReader(maxBytes);
  const results = pieces.map((piece, index) => {
    const lent = encoder.encode(piece);
    const result = reader.push(lent);
    if (index < pieces.length - 1) lent.fill(0xee);
    return result;
  });
  assertEquals(results.slice(0, -1).every((result) => result === undefined), true);
  assertEquals(reader.bytes, encoder.encode(pieces.join("")));
  return results.at(-1);
}

Deno.test("HeadReader finds the end of a head that arrives in pieces, and the rest", () => {
  const expected = { head: encoder.encode(HEAD), rest: encoder.encode("rest") };
  for (let at = 0; at < HEAD.length; at++) {
    assertEquals(push(100, HEAD.slice(0, at), HEAD.slice(at) + "rest"), expected);
  }
  assertEquals(push(100, ...HEAD)?.head, expected.head);
});

Deno.test("HeadReader accepts a head of the limit, and rejects one that is a byte longer", () => {
  for (const limit of [27, 1024, 5000]) {
    const head = HEAD.replace("a", "a".repeat(limit - HEAD.length + 1));
    assertEquals(push(limit, head)?.head.length, limit);
    assertThrows(() => push(limit, head.replace("a", "aa")), HeadTooLongError);
    assertThrows(() => push(limit, head.slice(0, -1) + "a"), HeadTooLongError);
  }
});

Deno.test("HeadReader skips empty lines before the head", () => {
  const reader = new HeadReader(HEAD.length);
  for (const byte of encoder.encode("\r\n".repeat(100))) {
    assertEquals(reader.push(Uint8Array.of(byte)), undefined);
  }
  assertEquals(reader.bytes.length, 0);
  assertEquals(reader.push(encoder.encode(`\r\n${HEAD}rest`)), {
    head: encoder.encode(HEAD),
    rest: encoder.encode("rest"),
  });
});

Deno.test("HeadReader ends a head at a bare line feed, and parseHead() rejects it", () => {
  for (const text of ["\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: 1\n"]) {
    const { head } = push(100, ...text)!;
    assertEquals(head, encoder.encode(text));
    assertEquals(parseHead(head), undefined);
  }
});

Deno.test("parseHead() has names in lower case, trims values and joins repeated fields", () => {
  const head = parseHead(encoder.encode("GET /a b\r\nX-One:  1 \r\nx-ONE:\t2\r\nEmpty:\r\n\r\n"));
  assertEquals(head?.start, ["GET", "/a", "b"]);
  assertEquals(head?.headers.get("x-one"), "1, 2");
  assertEquals(head?.headers.get("empty"), "");
  assertEquals(head?.headers.get("absent"), null);
});

Deno.test("parseHead() joins repeated cookies as one list of cookies", () => {
  const head = parseHead(encoder.encode("GET / HTTP/1.1\r\nCookie: a=1\r\ncookie: b=2\r\n\r\n"));
  assertEquals(head?.headers.get("cookie"), "a=1; b=2");
});

for (
  const bad of [
    "GET /\r\n\r\n",
    "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "GET / HTTP/1.1\r\n: no name\r\n\r\n",
    "GET / HTTP/1.1\r\nspace before : colon\r\n\r\n",
    "GET / HTTP/1.1\r\nA: 1\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\r\nA: 1\nB: 2\r\n\r\n",
    "GET / HTTP/1.1\r\nA: \0\r\n\r\n",
    "GET / HTTP/1.1\r\nA: \x1f\r\n\r\n",
    "GET / HTTP/1.1\r\nA: 1\r\n",
  ]
) {
  Deno.test(`parseHead() rejects ${JSON.stringify(bad)}`, () => {
    assertEquals(parseHead(encoder.encode(bad)), undefined);
  });
}
