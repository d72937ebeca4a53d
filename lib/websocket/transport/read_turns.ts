/** What has stopped reading so that others can read. */
export interface WaitingReader {
  /** Reads on. */
  readOn(): void;
}

/**
 * Lets the readers of a thread take turns.
 *
 * In Deno 2.9, while a socket of `node:net` always has more to read, the event loop looks at other
 * sockets only in each 61st of its turns, and reads 32 times in a turn. So a peer that sends as
 * fast as it can would delay all others by more than a second. The loop looks at all sockets when
 * it has nothing else to do. So readers that have read much wait until all of them wait:
 *
 * ```text
 * idle ──wait()──▶ waiting ──1 ms in which no other reader begins to wait──▶ all read on, idle
 * ```
 *
 * An immediate instead of the timer would not do: it is something else to do.
 */
export class ReadTurns {
  readonly #startTimer: (run: () => void) => unknown;
  readonly #waiting = new Set<WaitingReader>();
  #isTimerSet = false;
  /** Whether a reader began to wait after the timer was set. */
  #hasJoined = false;

  /** @param startTimer Calls `run` after the shortest possible time, at least a millisecond. */
  constructor(startTimer: (run: () => void) => unknown = setTimeout) {
    this.#startTimer = startTimer;
  }

  /** Calls {@linkcode WaitingReader.readOn} later, when others have had their turn. */
  wait(reader: WaitingReader): void {
    this.#waiting.add(reader);
    if (this.#isTimerSet) this.#hasJoined = true;
    else this.#setTimer();
  }

  #setTimer(): void {
    this.#isTimerSet = true;
    this.#hasJoined = false;
    this.#startTimer(() => this.#onTimer());
  }

  #onTimer(): void {
    if (this.#hasJoined) return this.#setTimer();
    this.#isTimerSet = false;
    const readers = [...this.#waiting];
    this.#waiting.clear();
    for (const reader of readers) reader.readOn();
  }
}
