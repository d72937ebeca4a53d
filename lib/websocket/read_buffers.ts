/** What a connection that waits for its peer holds on to. With ten thousand of them, every byte counts. */
const SMALL_BYTES = 512;

/** What a connection reads into while there is plenty to read. */
const LARGE_BYTES = 64 * 1024;

/** How many large buffers are kept for the next that needs one. */
const MAX_SPARE = 64;

/**
 * The buffers that connections read into: a small one each, and a few large ones that go to whoever has much to read and
 * come back when it has been read.
 */
export class ReadBuffers {
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** A buffer that begins with these bytes and has room for more. */
  first(received: Uint8Array): Uint8Array<ArrayBuffer> {
    const buffer = new Uint8Array(Math.max(SMALL_BYTES, 2 * received.length));
    buffer.set(received);
    return buffer;
  }

  /**
   * Chooses the buffer for the next read, in place of one that was used up to `end` and is still needed from `start` on.
   * The old one must not be used afterwards.
   *
   * - A read that has not filled its buffer was the last for now: back to a small one.
   * - A buffer full of whole frames has more behind it: a large one.
   * - A buffer full of a single frame grows with what has really come, not with the length that the peer claims: a claim
   *   costs nothing.
   *
   * @returns A buffer that begins with the bytes still needed, and has room for more.
   */
  next(buffer: Uint8Array<ArrayBuffer>, start: number, end: number): Uint8Array<ArrayBuffer> {
    const length = end - start;
    let size = buffer.length;
    if (end === buffer.length) size = start === 0 ? 4 * size : Math.max(size, LARGE_BYTES);
    else if (length <= SMALL_BYTES / 2) size = SMALL_BYTES;
    if (size === buffer.length) {
      if (start > 0) buffer.copyWithin(0, start, end);
      return buffer;
    }
    const other = (size === LARGE_BYTES ? this.#spare.pop() : undefined) ?? new Uint8Array(size);
    other.set(buffer.subarray(start, end));
    this.release(buffer);
    return other;
  }

  /** Takes back the buffer of a connection that has ended. */
  release(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === LARGE_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
