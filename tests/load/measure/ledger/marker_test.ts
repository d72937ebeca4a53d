import { assertEquals } from "@std/assert";
import {
  findMarker,
  type Marker,
  MARKER_BYTES,
  NO_MARKER,
  readMarker,
  writeMarker,
} from "../../../../lib/load/measure/ledger/marker.ts";

/** The highest value of each field, except of the sender. */
const MARKER: Marker = {
  run: 0xabcd,
  sender: 12_345,
  seq: 2 ** 32 - 1,
  plannedUs: 2 ** 40 - 1,
  lateUs: 2 ** 28 - 1,
  wholeBytes: 2 ** 20 - 1,
};

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function marked(before: string, after: string): Uint8Array {
  const bytes = new TextEncoder().encode(`${before}${"?".repeat(MARKER_BYTES)}${after}`);
  writeMarker(bytes, before.length, MARKER);
  return bytes;
}

for (const [before, after] of [["", ""], ["Bob: ", ""], ['{"text":"', '"}'], ["a ~ b ", " ~"]]) {
  Deno.test(`findMarker() and readMarker() read a marker between ${before} and ${after}`, () => {
    const bytes = marked(before!, after!);
    const at = findMarker(bytes, 0, bytes.length);
    assertEquals(at, before!.length);
    const marker = { ...NO_MARKER };
    assertEquals([readMarker(viewOf(bytes), at, marker), marker], [true, MARKER]);
  });
}

Deno.test("writeMarker() writes only letters that neither JSON nor HTML escapes", () => {
  assertEquals(/^~[a-p]+~$/.test(new TextDecoder().decode(marked("", ""))), true);
});

Deno.test("findMarker() returns -1 if there is no marker, or only a part of one", () => {
  for (const text of ["", "hello", "~", "~".repeat(2), "~" + "a".repeat(MARKER_BYTES - 2)]) {
    const bytes = new TextEncoder().encode(text);
    assertEquals(findMarker(bytes, 0, bytes.length), -1);
  }
});

Deno.test("readMarker() detects any changed letter, and any two swapped neighbors", () => {
  const good = marked("", "");
  for (let at = 0; at < MARKER_BYTES; at++) {
    for (const letter of [0x20, 0x61, 0x70, 0x71, 0x7e, 0xc3]) {
      const bytes = good.slice();
      if (bytes[at] === letter) continue;
      bytes[at] = letter;
      assertEquals(readMarker(viewOf(bytes), 0, { ...NO_MARKER }), false);
    }
    const bytes = good.slice();
    if (at === MARKER_BYTES - 1 || bytes[at] === bytes[at + 1]) continue;
    [bytes[at], bytes[at + 1]] = [bytes[at + 1]!, bytes[at]!];
    assertEquals(readMarker(viewOf(bytes), 0, { ...NO_MARKER }), false);
  }
});
