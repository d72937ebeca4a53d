import { assertEquals } from "@std/assert";
import { HeadTooLongError, parseHead, readHead } from "../../lib/websocket/http_head.ts";

const encoder = new TextEncoder();

/** A connection that reads these pieces, one each, and then ends. */
function pieces(...texts: string[]) {
  const left = texts.map((text) => encoder.encode(text));
  return {
    read(bytes: Uint8Array): Promise<number | null> {
      const piece = left.shift();
      if (!piece) return Promise.resolve(null);
      const length = Math.min(piece.length, bytes.length);
      bytes.set(piece.subarray(0, length));
      if (length < piece.length) left.unshift(piece.subarray(length));
      return Promise.resolve(length);
    },
  };
}

const HEAD = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("readHead() finds the end of the head wherever it is cut, and keeps what follows", async () => {
  for (let at = 0; at <= HEAD.length; at++) {
    const cut = [HEAD.slice(0, at), HEAD.slice(at) + "rest"].filter((text) => text !== "");
    const head = await readHead(pieces(...cut), 100);
    assertEquals(head?.headEnd, HEAD.length);
    assertEquals(head!.bytes.subarray(0, HEAD.length), encoder.encode(HEAD));
  }
  assertEquals((await readHead(pieces(HEAD + "rest"), 100))?.bytes, encoder.encode(HEAD + "rest"));
});

Deno.test("readHead() takes a head of just the limit, and not of a byte more", async () => {
  for (const limit of [27, 1024, 5000]) {
    const head = HEAD.replace("a", "a".repeat(limit - HEAD.length + 1));
    assertEquals((await readHead(pieces(head), limit))?.headEnd, limit);
    const error = await readHead(pieces(head.replace("a", "aa")), limit).catch((error) => error);
    assertEquals(error instanceof HeadTooLongError, true);
  }
});

Deno.test("readHead() returns undefined when the peer ends before", async () => {
  assertEquals(await readHead(pieces("GET / HTTP/1.1\r\n"), 100), undefined);
});

Deno.test("parseHead() reads names in any case, trims values and joins what is there twice", () => {
  const head = parseHead(encoder.encode("GET /a b\r\nX-One:  1 \r\nx-ONE:\t2\r\nEmpty:\r\n\r\n"));
  assertEquals(head?.start, ["GET", "/a", "b"]);
  assertEquals(head?.headers.get("X-one"), "1, 2");
  assertEquals(head?.headers.get("empty"), "");
  assertEquals(head?.headers.get("absent"), null);
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
  ]
) {
  Deno.test(`parseHead() refuses ${JSON.stringify(bad)}`, () => {
    assertEquals(parseHead(encoder.encode(bad)), undefined);
  });
}
