import { assertEquals, assertThrows } from "@std/assert";
import { ResponseReader } from "../../../lib/server/engines/response_reader.ts";

const encoder = new TextEncoder();

interface Case {
  readonly method?: string;
  readonly response: string;
  readonly isLast?: boolean;
  readonly isEventStream?: boolean;
}

const WHOLE: readonly Case[] = [
  { response: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
  { response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" },
  { method: "HEAD", response: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" },
  { response: "HTTP/1.1 204 No Content\r\n\r\n" },
  { response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n" },
  { response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" },
  { response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", isLast: true },
  { response: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", isLast: true },
  { response: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n" },
  {
    method: "HEAD",
    response: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
    isEventStream: true,
  },
];

for (const { method = "GET", response, isLast = false, isEventStream = false } of WHOLE) {
  Deno.test(`ResponseReader finds the end of ${method} ${JSON.stringify(response)}`, () => {
    for (let size = 1; size <= response.length; size++) {
      const reader = new ResponseReader({ method, version: "HTTP/1.1" });
      for (let at = 0; at < response.length; at += size) {
        assertEquals(reader.isWhole, false);
        reader.read(encoder.encode(response.slice(at, at + size)));
      }
      assertEquals([reader.isWhole, reader.isLast, reader.isEventStream], [
        true,
        isLast,
        isEventStream,
      ]);
    }
  });
}

Deno.test("ResponseReader has begun with the first byte of the final response", () => {
  const reader = new ResponseReader({ method: "GET", version: "HTTP/1.1" });
  assertEquals(reader.hasBegun, false);
  reader.read(encoder.encode("HTTP/1.1 100 Continue\r\n\r\n"));
  assertEquals(reader.hasBegun, false);
  reader.read(encoder.encode("H"));
  assertEquals(reader.hasBegun, true);
});

Deno.test("ResponseReader reads to the end of the connection without a length, and in HTTP/2", () => {
  const reader = new ResponseReader({ method: "GET", version: "HTTP/1.1" });
  reader.read(encoder.encode("HTTP/1.0 200 OK\r\n\r\nsome"));
  const http2 = new ResponseReader({ method: "PRI", version: "HTTP/2.0" });
  http2.read(new Uint8Array([0, 0, 24, 4]));
  assertEquals([reader.isWhole, http2.hasBegun, http2.isWhole], [false, true, false]);
});

for (
  const bad of [
    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx",
  ]
) {
  Deno.test(`ResponseReader rejects ${JSON.stringify(bad)}`, () => {
    const reader = new ResponseReader({ method: "GET", version: "HTTP/1.1" });
    assertThrows(() => reader.read(encoder.encode(bad)), SyntaxError);
  });
}
