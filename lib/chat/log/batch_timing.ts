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
  readonly #firstSeq: number;
  readonly #appendedAtMs: number;
  #startedAtMs: number | undefined;

  /** @param firstSeq The sequence number of the first message, which was just appended. */
  constructor(counters: ChatCounters, firstSeq: number) {
    this.#counters = counters;
    this.#firstSeq = firstSeq;
    this.#appendedAtMs = counters.monotonicMs();
  }

  /** @param headSeq The sequence number of the last message of the batch. */
  start(headSeq: number): void {
    this.#startedAtMs = this.#counters.monotonicMs();
    this.#counters.batchMessages.observe(headSeq - this.#firstSeq + 1);
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
