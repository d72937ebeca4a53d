import { assert, assertEquals } from "@std/assert";
import { Remainder } from "../../lib/websocket/remainder.ts";

function bytes(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (first + index) & 255);
}

Deno.test("Remainder.join() puts what has come behind what was left", () => {
  const remainder = new Remainder();
  const first = bytes(10);
  assertEquals(remainder.join(first) === first, true);
  remainder.keep(first, 7);
  assertEquals(remainder.join(bytes(3, 10)), bytes(6, 7));
  remainder.keep(bytes(6, 7), 6);
  assertEquals(remainder.join(bytes(2)), bytes(2));
});

Deno.test("Remainder keeps a copy, and nothing when nothing is left", () => {
  const remainder = new Remainder();
  const received = bytes(10);
  remainder.keep(received, 8);
  received.fill(0);
  const joined = remainder.join(bytes(1, 10));
  assertEquals(joined, bytes(3, 8));
  remainder.keep(joined, 3);
  const next = bytes(5);
  assertEquals(remainder.join(next) === next, true);
});

Deno.test("Remainder copies a byte that comes in pieces only a few times", () => {
  const remainder = new Remainder();
  const buffers = new Set<ArrayBufferLike>();
  let joined = remainder.join(bytes(1));
  remainder.keep(joined, 0);
  for (let length = 2; length <= 5000; length++) {
    joined = remainder.join(bytes(1, length - 1));
    remainder.keep(joined, 0);
    buffers.add(joined.buffer);
  }
  assertEquals(joined, bytes(5000));
  assert(buffers.size < 20);
});
