import type { MessageName } from "./receiver_plan.ts";

/** How many refused messages are remembered. */
const MAX_REFUSED = 2 ** 16;

/** The memory of {@linkcode RefusedMessages}, which all threads share. */
export type SharedRefusals = Int32Array<SharedArrayBuffer>;

/** Makes the memory of {@linkcode RefusedMessages}. */
export function createSharedRefusals(): SharedRefusals {
  return new Int32Array(new SharedArrayBuffer(4 * (1 + 2 * MAX_REFUSED)));
}

/**
 * Messages that were sent, but that no receiver is expected to receive: the server refused them, or
 * they were cut off with their sender's connection.
 *
 * It holds 65,536 messages. Further ones are not remembered, and so count as lost.
 */
export class RefusedMessages {
  readonly #shared: SharedRefusals;
  /** How many this thread has taken. */
  #taken = 0;

  constructor(shared: SharedRefusals) {
    this.#shared = shared;
  }

  /** Adds a message. Any thread may call it. */
  add(sender: number, seq: number): void {
    const index = Atomics.add(this.#shared, 0, 1);
    if (index >= MAX_REFUSED) return;
    this.#shared[1 + 2 * index] = sender;
    // Written last: a message whose sequence number is 0 is not there yet.
    Atomics.store(this.#shared, 2 + 2 * index, seq + 1);
  }

  /** Calls a function with each message that this thread has not taken yet. */
  take(onRefused: (message: MessageName) => void): void {
    for (; this.#taken < MAX_REFUSED; this.#taken++) {
      const after = Atomics.load(this.#shared, 2 + 2 * this.#taken);
      if (after === 0) return;
      onRefused({ sender: this.#shared[1 + 2 * this.#taken]!, seq: after - 1 });
    }
  }
}
