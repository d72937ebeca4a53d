import { assertEquals } from "@std/assert";
import {
  findDamagedMarker,
  readCutMarker,
  repairMarker,
} from "../../../../lib/load/measure/ledger/damaged_marker.ts";
import {
  MARKER_BYTES,
  NO_MARKER,
  writeMarker,
} from "../../../../lib/load/measure/ledger/marker.ts";

const MARKER = { run: 7, sender: 3, seq: 70_000, plannedUs: 123_456, lateUs: 9, wholeBytes: 46 };
const BEFORE = "Ann: ";

/** A message with a marker, and letters as they fill it up. */
function message(): Uint8Array {
  const bytes = new TextEncoder().encode(BEFORE + "?".repeat(MARKER_BYTES) + "abcdefghij");
  writeMarker(bytes, BEFORE.length, MARKER);
  return bytes;
}

/** Only the run, the sender, and the sequence number are known. */
const isPossible = ({ run, sender, seq }: typeof MARKER) =>
  run === MARKER.run && sender === MARKER.sender && seq === MARKER.seq;

Deno.test("findDamagedMarker() and repairMarker() find any changed byte of a marker", () => {
  const good = message();
  for (let at = BEFORE.length; at < BEFORE.length + MARKER_BYTES; at++) {
    for (const byte of [0x20, 0x61, 0x68, 0x70, 0x7e, 0xff]) {
      const bytes = good.slice();
      if (bytes[at] === byte) continue;
      bytes[at] = byte;
      assertEquals(findDamagedMarker(bytes, 0, bytes.length), BEFORE.length);
      const repaired = repairMarker(bytes, BEFORE.length, isPossible);
      assertEquals(repaired, { marker: MARKER, at, byte: good[at] }, `byte ${at} is ${byte}`);
    }
  }
});

Deno.test("repairMarker() does not repair two changed bytes", () => {
  const bytes = message();
  bytes[BEFORE.length + 3] = bytes[BEFORE.length + 9] = 0x21;
  assertEquals(findDamagedMarker(bytes, 0, bytes.length), BEFORE.length);
  assertEquals(repairMarker(bytes, BEFORE.length, isPossible), undefined);
});

Deno.test("findDamagedMarker() finds nothing in other texts", () => {
  for (const text of ["", "hello", "a".repeat(MARKER_BYTES - 1), "~ hello ~ ".repeat(20)]) {
    const bytes = new TextEncoder().encode(text);
    assertEquals(findDamagedMarker(bytes, 0, bytes.length), -1);
  }
});

for (
  const [length, isRead] of [
    [BEFORE.length + MARKER_BYTES - 1, true],
    [BEFORE.length + 17, true],
    [BEFORE.length + 16, false],
    [BEFORE.length, false],
    [0, false],
  ] as const
) {
  Deno.test(`readCutMarker() reads ${isRead ? "a" : "no"} marker that ends at byte ${length}`, () => {
    const { run, sender, seq } = MARKER;
    assertEquals(
      readCutMarker(message(), 0, length),
      isRead ? { at: BEFORE.length, marker: { ...NO_MARKER, run, sender, seq } } : undefined,
    );
  });
}

Deno.test("readCutMarker() reads nothing behind a tilde that is no marker", () => {
  const bytes = new TextEncoder().encode("~ this is a text with a tilde");
  assertEquals(readCutMarker(bytes, 0, bytes.length), undefined);
});
