/** The memory that all message logs of a server share. */
export class LogBudget {
  readonly #maxBytes: number;
  readonly #freeMemory: () => void;
  #usedBytes = 0;

  /**
   * @param freeMemory Called when the logs use more than `maxBytes`. It reports what it frees
   * through {@linkcode add}.
   */
  constructor(maxBytes: number, freeMemory: () => void) {
    this.#maxBytes = maxBytes;
    this.#freeMemory = freeMemory;
  }

  /** Whether the logs use more memory than allowed. */
  get isOver(): boolean {
    return this.#usedBytes > this.#maxBytes;
  }

  /** Adds the bytes by which a log has grown; negative if it has shrunk. */
  add(bytes: number): void {
    this.#usedBytes += bytes;
    if (bytes > 0 && this.isOver) this.#freeMemory();
  }
}
