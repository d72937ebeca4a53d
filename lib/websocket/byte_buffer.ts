/** Collects bytes. Its capacity doubles when it is full, so that no byte is copied many times. */
export class ByteBuffer {
  #memory: Uint8Array;
  #length: number;

  /** @param bytes The first bytes. They are copied. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#memory = bytes.slice();
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  /** All bytes so far. {@linkcode append} does not change them. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  /** Appends a copy of these bytes. @returns All bytes so far. */
  append(bytes: Uint8Array): Uint8Array {
    const length = this.#length + bytes.length;
    if (length > this.#memory.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#memory.length));
      larger.set(this.bytes);
      this.#memory = larger;
    }
    this.#memory.set(bytes, this.#length);
    this.#length = length;
    return this.bytes;
  }
}
