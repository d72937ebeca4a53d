/**
 * One turn of the event loop: its time, and what runs after its reads.
 *
 * The messages of a turn share one time. All that is deferred in a turn runs in one call of the
 * `defer` that the engine needs. The direct engine passes `queueMicrotask`, which Deno runs when it
 * has handled every read of a socket in the turn.
 */
export class Turn {
  readonly #readMs: () => number;
  readonly #defer: (run: () => void) => void;
  readonly #end = () => this.#run();
  #nowMs: number | undefined;
  #deferred: (() => void)[] = [];
  #isEndScheduled = false;

  /**
   * @param readMs Reads the time, in milliseconds since 1970.
   * @param defer Runs a function after the reads that are ready now.
   */
  constructor(readMs: () => number, defer: (run: () => void) => void) {
    this.#readMs = readMs;
    this.#defer = defer;
  }

  /** Milliseconds since 1970. */
  get nowMs(): number {
    if (this.#nowMs === undefined) {
      this.#nowMs = this.#readMs();
      this.#scheduleEnd();
    }
    return this.#nowMs;
  }

  /** Runs a function after the reads of this turn. */
  defer(run: () => void): void {
    this.#deferred.push(run);
    this.#scheduleEnd();
  }

  #scheduleEnd(): void {
    if (this.#isEndScheduled) return;
    this.#isEndScheduled = true;
    this.#defer(this.#end);
  }

  #run(): void {
    const deferred = this.#deferred;
    this.#isEndScheduled = false;
    this.#nowMs = undefined;
    this.#deferred = [];
    let done = 0;
    try {
      while (done < deferred.length) deferred[done++]!();
    } finally {
      // The rest runs although one has thrown.
      while (done < deferred.length) this.defer(deferred[done++]!);
    }
  }
}
