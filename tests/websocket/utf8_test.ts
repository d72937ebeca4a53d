import { assertEquals } from "@std/assert";
import { isUtf8 } from "../../lib/websocket/utf8.ts";

const INVALID: readonly (readonly number[])[] = [
  [0x80],
  [0xe2, 0x82],
  [0xc0, 0xaf],
  [0xe0, 0x9f, 0xbf],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xff],
  [0xe2, 0x82, 0x61],
];

// Long inputs take another way than short ones.
for (const length of [0, 100, 511, 512, 513, 5000]) {
  Deno.test(`isUtf8() checks the bytes behind ${length} valid ones`, () => {
    const valid = new Array<number>(length).fill(0x78);
    const text = new TextEncoder().encode("Grüße, 世界 👋 \u{10ffff}");
    for (const bytes of INVALID) {
      assertEquals(isUtf8(Uint8Array.of(...valid, ...bytes), 0, length + bytes.length), false);
      // Only the bytes between `start` and `end` count.
      assertEquals(isUtf8(Uint8Array.of(0xff, ...valid, ...bytes), 1, 1 + length), true);
    }
    assertEquals(isUtf8(Uint8Array.of(...valid, ...text), 0, length + text.length), true);
    assertEquals(isUtf8(Uint8Array.of(...valid, ...text), 0, length + text.length - 1), false);
  });
}
