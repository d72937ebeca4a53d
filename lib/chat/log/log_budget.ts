/** How many logs are asked to shrink each time that one grows. */
const MAX_ASKED = 16;

/** A log as its budget sees it. */
export interface BudgetedLog {
  /** Drops the oldest memory of the log. Returns false if that must stay. */
  dropOldest(): boolean;
}

/**
 * The memory that all message logs of a server share.
 *
 * While they use more than allowed, the logs that have more than an equal share drop their oldest
 * messages. So a log that nobody uses any more makes room for the others.
 */
export class LogBudget {
  readonly #maxBytes: number;
  readonly #freeMemory: () => void;
  /** The bytes of each log that has any. */
  readonly #bytes = new Map<BudgetedLog, number>();
  #usedBytes = 0;
  /** The logs that are still to be asked in this round. */
  #round = this.#bytes.keys();

  /**
   * @param freeMemory Called first when the logs use more than `maxBytes`. It may remove logs.
   */
  constructor(maxBytes: number, freeMemory: () => void) {
    this.#maxBytes = maxBytes;
    this.#freeMemory = freeMemory;
  }

  /** The memory that the logs use. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether the logs use more memory than allowed. */
  get isOver(): boolean {
    return this.#usedBytes > this.#maxBytes;
  }

  /** Whether the logs use half of the allowed memory, or more. */
  get isHalfUsed(): boolean {
    return this.#usedBytes >= this.#maxBytes / 2;
  }

  /** An equal part of the allowed memory. A log that uses no more drops nothing for the others. */
  get shareBytes(): number {
    return this.#maxBytes / this.#bytes.size;
  }

  /** Counts memory that a log has allocated; negative if it has dropped some. */
  add(log: BudgetedLog, bytes: number): void {
    this.#bytes.set(log, (this.#bytes.get(log) ?? 0) + bytes);
    this.#usedBytes += bytes;
    if (bytes > 0 && this.isOver) this.#reduce(log);
  }

  /** Forgets a log, with all its memory. */
  remove(log: BudgetedLog): void {
    this.#usedBytes -= this.#bytes.get(log) ?? 0;
    this.#bytes.delete(log);
  }

  /** Frees memory: that of removable logs first, then that of the log that has just grown. */
  #reduce(grown: BudgetedLog): void {
    this.#freeMemory();
    this.#shrink(grown);
    const count = Math.min(MAX_ASKED, this.#bytes.size);
    for (let left = count; left > 0 && this.isOver; left--) this.#shrink(this.#next());
  }

  #shrink(log: BudgetedLog): void {
    while (this.isOver && this.#bytes.get(log)! > this.shareBytes && log.dropOldest());
  }

  #next(): BudgetedLog {
    const next = this.#round.next();
    if (!next.done) return next.value;
    this.#round = this.#bytes.keys();
    return this.#round.next().value!;
  }
}
