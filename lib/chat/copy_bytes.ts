/** The size of a shared buffer. */
const BUFFER_BYTES = 64 * 1024;

/** Larger pieces have a buffer of their own. */
const MAX_SHARED_BYTES = 4 * 1024;

/** Below this, a loop is faster than `set()`. */
const MIN_SET_BYTES = 64;

/** The buffer that is shared now, and how much of it is used. */
let buffer = new Uint8Array(0);
let usedBytes = 0;

/**
 * Returns a copy of `bytes[start, end)`, which must not be changed. Small copies share buffers: to
 * make a buffer, and to collect it later, costs more than to copy a message. A shared buffer stays
 * in memory as long as any of its copies.
 */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length > MAX_SHARED_BYTES) return bytes.slice(start, end);
  if (usedBytes + length > buffer.length) {
    buffer = new Uint8Array(BUFFER_BYTES);
    usedBytes = 0;
  }
  const copy = buffer.subarray(usedBytes, usedBytes + length);
  usedBytes += length;
  if (length < MIN_SET_BYTES) {
    for (let index = 0; index < length; index++) copy[index] = bytes[start + index]!;
  } else copy.set(bytes.subarray(start, end));
  return copy;
}
