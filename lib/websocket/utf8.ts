/**
 * Whether bytes are well-formed UTF-8 (RFC 3629, the table of Unicode's section 3.9): no overlong forms, no surrogates,
 * nothing above U+10FFFF. A `TextDecoder` tells the same, but makes a string that nobody needs.
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end;) {
    const lead = bytes[at++]!;
    if (lead < 0x80) continue;
    // How many bytes follow, and between which bounds the first of them must lie.
    let following = 1, low = 0x80, high = 0xbf;
    if (lead < 0xc2 || lead > 0xf4) return false;
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
