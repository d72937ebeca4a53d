import { setImmediate } from "node:timers";

/** The longest sleep. The caller checks in between whether it must stop. */
const LONGEST_SLEEP_MS = 1000;

/** Most sleeps are less late than this. The rest of a wait is spent in turns of the event loop. */
const SLEEP_SLACK_MS = 0.15;

/** The shortest sleep. Messages that are due meanwhile are sent together. */
const SHORTEST_SLEEP_MS = 0.1;

/** A turn of the event loop that is shorter than this had nothing to do. */
const IDLE_TURN_MS = 0.01;

/**
 * Waits for short times, more exactly than a timer does, and without keeping a core busy.
 *
 * A thread of its own sleeps, and wakes this one up. See `sleep_thread.ts`.
 */
export class PreciseWait implements Disposable {
  readonly #words = new Int32Array(new SharedArrayBuffer(12));
  readonly #thread = new Worker(new URL("./sleep_thread.ts", import.meta.url), { type: "module" });
  #failure: Error | undefined;
  /** Resolves when the thread can sleep. Rejects if it failed. */
  readonly ready: Promise<void>;
  /** How long the event loop turned with nothing to do. The CPU was busy, but only with waiting. */
  spunMs = 0;
  #untilMs = 0;
  #lastTurnMs = 0;
  #resolve = () => {};
  /** One function for all turns. A closure for each would create a million objects per second. */
  readonly #turn = () => {
    const nowMs = performance.now();
    const turnMs = nowMs - this.#lastTurnMs;
    if (turnMs < IDLE_TURN_MS) this.spunMs += turnMs;
    this.#lastTurnMs = nowMs;
    if (nowMs < this.#untilMs) setImmediate(this.#turn);
    else this.#resolve();
  };

  constructor() {
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    // Nobody awaits it if there is nothing to send.
    this.ready.catch(() => {});
    this.#thread.onmessage = () => ready.resolve();
    this.#thread.onerror = (event) => {
      event.preventDefault();
      this.#failure = new Error(`The thread that waits failed: ${event.message}`);
      ready.reject(this.#failure);
      this.#wake();
    };
    this.#thread.postMessage(this.#words);
  }

  /**
   * Resolves after `ms` milliseconds; if `ms` is long, earlier. Sockets are read meanwhile, even if
   * `ms` is 0 or less.
   *
   * @throws {Error} If the thread has failed.
   */
  async wait(ms: number): Promise<void> {
    const waitMs = Math.min(ms, LONGEST_SLEEP_MS);
    const untilMs = performance.now() + waitMs;
    const hasTurned = ms > 0 &&
      await this.#sleep(Math.max(waitMs - SLEEP_SLACK_MS, SHORTEST_SLEEP_MS));
    if (hasTurned && performance.now() >= untilMs) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolve = resolve;
    this.#lastTurnMs = performance.now();
    this.#untilMs = untilMs;
    setImmediate(this.#turn);
    await promise;
  }

  /** Ends the thread. A wait that has begun never ends. */
  [Symbol.dispose](): void {
    this.#thread.terminate();
  }

  /** @returns Whether the event loop turned meanwhile. */
  async #sleep(ms: number): Promise<boolean> {
    Atomics.store(this.#words, 1, 0);
    Atomics.store(this.#words, 0, Math.ceil(ms * 1000));
    Atomics.notify(this.#words, 0);
    const woken = Atomics.waitAsync(this.#words, 1, 0);
    if (this.#failure) this.#wake();
    await woken.value;
    if (this.#failure) throw this.#failure;
    return woken.async;
  }

  /** Ends the sleep in place of a thread that has failed. */
  #wake(): void {
    Atomics.store(this.#words, 1, 1);
    Atomics.notify(this.#words, 1);
  }
}
