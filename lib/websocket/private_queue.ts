/** How much may wait before a peer that does not read what it asks for is not read from either. */
const MAX_BYTES = 256 * 1024;

/** Whole frames that go out before the next data: a greeting, an answer, a ping. */
export class PrivateQueue {
  readonly #frames: Uint8Array[] = [];
  #bytes = 0;
  #backlog: PromiseWithResolvers<void> | undefined;

  /** How many frames wait. */
  get length(): number {
    return this.#frames.length;
  }

  /** Resolves when few enough bytes wait that the peer may be read from again; undefined if it may now. */
  get backlog(): Promise<void> | undefined {
    if (this.#bytes > MAX_BYTES) this.#backlog ??= Promise.withResolvers();
    return this.#backlog?.promise;
  }

  push(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  shift(): Uint8Array | undefined {
    const frame = this.#frames.shift();
    this.#bytes -= frame?.length ?? 0;
    if (this.#backlog && this.#bytes <= MAX_BYTES) {
      this.#backlog.resolve();
      this.#backlog = undefined;
    }
    return frame;
  }
}
