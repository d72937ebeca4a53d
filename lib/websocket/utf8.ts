import { isUtf8 as isUtf8Native } from "node:buffer";

/** From this size on the native check is faster, in spite of its call (tests/bench/parts). */
const MIN_NATIVE_BYTES = 512;

/**
 * Returns true if the bytes are well-formed UTF-8: no overlong forms, no surrogates, and nothing
 * above U+10FFFF (RFC 3629, table 3-7 of Unicode's section 3.9).
 *
 * A `TextDecoder` would check the same, but makes a string that is not needed.
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start >= MIN_NATIVE_BYTES) return isUtf8Native(bytes.subarray(start, end));
  for (let at = start; at < end;) {
    const lead = bytes[at++]!;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    // How many bytes follow, and the range of the first of them.
    let following = 1, low = 0x80, high = 0xbf;
    if (lead >= 0xf0) {
      following = 3;
      if (lead === 0xf0) low = 0x90;
      if (lead === 0xf4) high = 0x8f;
    } else if (lead >= 0xe0) {
      following = 2;
      if (lead === 0xe0) low = 0xa0;
      if (lead === 0xed) high = 0x9f;
    }
    if (at + following > end) return false;
    const first = bytes[at++]!;
    if (first < low || first > high) return false;
    for (; following > 1; following--) if ((bytes[at++]! & 0xc0) !== 0x80) return false;
  }
  return true;
}
