const NOTHING = new Uint8Array(0);

/**
 * What is left of a stream when its whole frames have been handled: the beginning of the next one.
 *
 * It grows with what has really come, not with the length that a frame claims: a claim costs nothing.
 */
export class Remainder {
  #buffer: Uint8Array = NOTHING;
  #length = 0;

  /** What was left with what has come behind it: `bytes` themselves if nothing was left. */
  join(bytes: Uint8Array): Uint8Array {
    if (this.#length === 0) return bytes;
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
    return this.#buffer.subarray(0, length);
  }

  /** Keeps what stands in the last joined bytes from `start` on. */
  keep(joined: Uint8Array, start: number): void {
    if (start === 0 && joined.buffer === this.#buffer.buffer) return;
    // A copy, so that a few bytes do not hold on to a large buffer.
    this.#buffer = start === joined.length ? NOTHING : joined.slice(start);
    this.#length = this.#buffer.length;
  }
}
