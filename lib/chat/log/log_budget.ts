/** The memory that all logs share. */
export class LogBudget {
  readonly #maxBytes: number;
  readonly #makeRoom: () => void;
  #usedBytes = 0;

  /** @param makeRoom Called when more is used than may be; what it frees, it tells with {@linkcode add}. */
  constructor(maxBytes: number, makeRoom: () => void) {
    this.#maxBytes = maxBytes;
    this.#makeRoom = makeRoom;
  }

  /** Whether more is used than may be. */
  get isOver(): boolean {
    return this.#usedBytes > this.#maxBytes;
  }

  /** Tells that a log has grown, or shrunk. */
  add(bytes: number): void {
    this.#usedBytes += bytes;
    if (bytes > 0 && this.isOver) this.#makeRoom();
  }
}
