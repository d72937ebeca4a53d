import { assert, assertEquals } from "@std/assert";
import { ByteBuffer } from "../../lib/websocket/byte_buffer.ts";

function bytes(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (first + index) & 255);
}

Deno.test("ByteBuffer.append() returns all bytes so far", () => {
  const buffer = new ByteBuffer(bytes(3, 7));
  assertEquals(buffer.append(bytes(3, 10)), bytes(6, 7));
  assertEquals([buffer.bytes, buffer.length], [bytes(6, 7), 6]);
  assertEquals(new ByteBuffer().append(bytes(2)), bytes(2));
});

Deno.test("ByteBuffer copies what it gets", () => {
  const initial = bytes(2, 8);
  const appended = bytes(1, 10);
  const buffer = new ByteBuffer(initial);
  buffer.append(appended);
  initial.fill(0);
  appended.fill(0);
  assertEquals(buffer.bytes, bytes(3, 8));
});

Deno.test("ByteBuffer copies a byte only a few times, however many pieces there are", () => {
  const buffer = new ByteBuffer(bytes(1));
  const memories = new Set<ArrayBufferLike>();
  for (let length = 2; length <= 5000; length++) {
    memories.add(buffer.append(bytes(1, length - 1)).buffer);
  }
  assertEquals(buffer.bytes, bytes(5000));
  assert(memories.size < 20);
});
