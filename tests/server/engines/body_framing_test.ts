import { assertEquals, assertThrows } from "@std/assert";
import { BodyFraming } from "../../../lib/server/engines/body_framing.ts";

const encoder = new TextEncoder();

/** Reads a text in pieces of this size. Returns how many of its bytes belong to the body. */
function lengthOf(text: string, length: number | "chunked", pieceSize: number): number | undefined {
  const framing = new BodyFraming(length);
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length; at += pieceSize) {
    const piece = bytes.subarray(at, at + pieceSize);
    const end = framing.read(piece);
    if (framing.isWhole) return at + end;
    assertEquals(end, piece.length);
  }
  return undefined;
}

const WHOLE: readonly (readonly [number | "chunked", string])[] = [
  [3, "abc"],
  ["chunked", "0\r\n\r\n"],
  ["chunked", "3\r\nabc\r\n0\r\n\r\n"],
  ["chunked", "3\r\n0\r\n\r\n0\r\n\r\n"],
  ["chunked", "00a\r\n0123456789\r\nB\r\n0123456789a\r\n000\r\n\r\n"],
  ["chunked", '3;ext="a;b"\r\nabc\r\n0;last\r\n\r\n'],
  ["chunked", "3 \t\r\nabc\r\n3 ;x\r\nabc\r\n0\r\n\r\n"],
  ["chunked", "1\r\na\r\n0\r\nOne: 1\r\nTwo: 2\r\n\r\n"],
];

for (const [length, body] of WHOLE) {
  Deno.test(`BodyFraming finds the end of ${JSON.stringify(body)}`, () => {
    for (let size = 1; size <= body.length + 4; size++) {
      assertEquals(lengthOf(`${body}GET `, length, size), body.length);
    }
    for (let at = 0; at < body.length; at++) {
      assertEquals(lengthOf(body.slice(0, at), length, 100), undefined);
    }
  });
}

const MALFORMED: readonly (readonly [string, string])[] = [
  ["size", "\r\n"],
  ["size", "x\r\n"],
  ["size", "-1\r\n"],
  ["size", "+1\r\n"],
  ["size", "0x1\r\n"],
  ["size", " 1\r\n"],
  ["size", ";a\r\n"],
  ["size", "1 1\r\n"],
  ["size", "1\n"],
  ["size", "1\rx"],
  ["size", "1,1\r\n"],
  ["size", "fffffffffffffffff\r\n"],
  ["size", "0000000000001\r\n"],
  ["extension", "1;a\n"],
  ["extension", `1;${"a".repeat(16 * 1024 + 1)}`],
  ["extension", "1;aaaaaaaaaa\r\na\r\n".repeat(2000)],
  ["extension", `1${" ".repeat(16 * 1024 + 1)}`],
  ["end", "1\r\nab"],
  ["end", "1\r\na\n"],
  ["end", "1\r\na\r\r"],
  ["trailer", "0\r\n\n"],
  ["trailer", "0\r\nA: 1\n"],
  ["trailer", "0\r\nA: 1\r1"],
  ["trailer", "0\r\n\rx"],
  ["trailer", `0\r\n${"A: 1\r\n".repeat(5000)}`],
];

for (const [part, body] of MALFORMED) {
  Deno.test(`BodyFraming rejects the ${part} of ${JSON.stringify(body.slice(0, 30))}`, () => {
    for (const size of [1, body.length]) {
      assertThrows(() => lengthOf(body, "chunked", size), SyntaxError, `malformed ${part}`);
    }
  });
}

Deno.test("BodyFraming of length 0 is whole, and of Infinity never", () => {
  assertEquals(new BodyFraming(0).isWhole, true);
  assertEquals(new BodyFraming(0).read(encoder.encode("GET")), 0);
  assertEquals(lengthOf("a".repeat(1000), Infinity, 10), undefined);
});
