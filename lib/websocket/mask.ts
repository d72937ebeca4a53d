/**
 * Masks or unmasks bytes in place, which is the same operation (RFC 6455 section 5.3): each byte is combined with the
 * next of the key's four.
 *
 * @param key The masking key, its first byte in the highest eight bits.
 * @returns Whether every unmasked byte is below 0x80, and so the text ASCII: found out on the way, for nothing.
 */
export function applyMask(bytes: Uint8Array, start: number, end: number, key: number): boolean {
  const k0 = key >>> 24, k1 = (key >>> 16) & 0xff, k2 = (key >>> 8) & 0xff, k3 = key & 0xff;
  let all = 0;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    all |= (bytes[at]! ^= k0) | (bytes[at + 1]! ^= k1) | (bytes[at + 2]! ^= k2) |
      (bytes[at + 3]! ^= k3);
  }
  if (at < end) all |= bytes[at]! ^= k0;
  if (at + 1 < end) all |= bytes[at + 1]! ^= k1;
  if (at + 2 < end) all |= bytes[at + 2]! ^= k2;
  return all < 0x80;
}
