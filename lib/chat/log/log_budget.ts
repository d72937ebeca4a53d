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
  readonly #entries = new Map<BudgetedLog, Entry>();
  /** The entries in the order in which their logs are asked. */
  readonly #round: Entry[] = [];
  /** The index in the round of the log to ask next. */
  #nextIndex = 0;
  #usedBytes = 0;

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
    return this.#maxBytes / this.#entries.size;
  }

  /** Counts memory that a log has allocated; negative if it has dropped some. */
  add(log: BudgetedLog, bytes: number): void {
    const entry = this.#entries.get(log) ?? this.#enter(log);
    entry.bytes += bytes;
    this.#usedBytes += bytes;
    if (bytes > 0 && this.isOver) this.#reduce(entry);
  }

  /** Forgets a log, with all its memory. */
  remove(log: BudgetedLog): void {
    const entry = this.#entries.get(log);
    if (!entry) return;
    this.#usedBytes -= entry.bytes;
    this.#entries.delete(log);
    const last = this.#round.pop()!;
    if (last === entry) return;
    this.#round[entry.index] = last;
    last.index = entry.index;
  }

  #enter(log: BudgetedLog): Entry {
    const entry = { log, bytes: 0, index: this.#round.length };
    this.#round.push(entry);
    this.#entries.set(log, entry);
    return entry;
  }

  /** Frees memory: that of removable logs first, then that of the log that has just grown. */
  #reduce(grown: Entry): void {
    this.#freeMemory();
    this.#shrink(grown);
    const count = Math.min(MAX_ASKED, this.#round.length);
    for (let left = count; left > 0 && this.isOver; left--) {
      this.#nextIndex %= this.#round.length;
      this.#shrink(this.#round[this.#nextIndex++]!);
    }
  }

  #shrink(entry: Entry): void {
    while (this.isOver && entry.bytes > this.shareBytes && entry.log.dropOldest());
  }
}

/**
 * A log and its bytes. The round is an array: an iterator of the map would retain all logs that
 * have ever been in the map, because V8 keeps the old tables of a map for its iterators.
 */
interface Entry {
  readonly log: BudgetedLog;
  bytes: number;
  /** Its index in the round. */
  index: number;
}
