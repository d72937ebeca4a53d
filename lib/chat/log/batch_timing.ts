import type { ChatCounters } from "../counters.ts";

/**
 * Times one batch of messages: those that are appended until a sweep begins, which delivers them.
 *
 * ```text
 * first append ──▶ start(): the sweep begins ──▶ end(): its deliveries have ended
 * ```
 */
export class BatchTiming {
  readonly #counters: ChatCounters;
  readonly #first: number;
  readonly #appendedAtMs: number;
  #startedAtMs: number | undefined;

  /** @param first The first message, which was just appended: which one of the log it is. */
  constructor(counters: ChatCounters, first: number) {
    this.#counters = counters;
    this.#first = first;
    this.#appendedAtMs = counters.monotonicMs();
  }

  /** @param last The last message of the batch: which one of the log it is. */
  start(last: number): void {
    this.#startedAtMs = this.#counters.monotonicMs();
    this.#counters.batchMessages.observe(last - this.#first + 1);
  }

  /** Returns false if the sweep that has ended is an earlier one. */
  end(): boolean {
    if (this.#startedAtMs === undefined) return false;
    const nowMs = this.#counters.monotonicMs();
    this.#counters.sweepSeconds.observe((nowMs - this.#startedAtMs) / 1000);
    this.#counters.publishSeconds.observe((nowMs - this.#appendedAtMs) / 1000);
    return true;
  }
}
