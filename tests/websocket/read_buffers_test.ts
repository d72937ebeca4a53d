import { assert, assertEquals } from "@std/assert";
import { ReadBuffers } from "../../lib/websocket/read_buffers.ts";

Deno.test("ReadBuffers.next() keeps what is still needed, and has room for more", () => {
  const buffers = new ReadBuffers();
  for (const size of [10, 512, 5000, 65_536, 200_000]) {
    for (
      const [start, end] of [[0, 0], [0, size], [3, size], [size, size], [0, size - 1], [5, 9]]
    ) {
      const buffer = Uint8Array.from({ length: size }, (_, index) => index & 255);
      const expected = buffer.slice(start, end);
      const next = buffers.next(buffer, start!, end!);
      assertEquals(next.slice(0, expected.length), expected);
      assert(next.length > expected.length);
    }
  }
});

Deno.test("a connection that waits holds on to a small buffer, whatever it has read before", () => {
  const buffers = new ReadBuffers();
  let buffer = buffers.first(new Uint8Array(0));
  assertEquals(buffer.length, 512);
  buffer = buffers.next(buffer, 500, 512); // full of whole frames: there is more behind it
  assertEquals(buffer.length, 65_536);
  buffer = buffers.next(buffer, 65_000, 65_536);
  assertEquals(buffer.length, 65_536);
  buffer = buffers.next(buffer, 1000, 1100); // the last read for now
  assertEquals(buffer.length, 512);
});

Deno.test("a buffer grows with what has come, not with what a frame claims", () => {
  const buffers = new ReadBuffers();
  let buffer = buffers.first(new Uint8Array(0));
  for (let read = 512; read < 1_000_000; read = buffer.length) {
    buffer = buffers.next(buffer, 0, read);
    assertEquals(buffer.length, 4 * read);
  }
});
