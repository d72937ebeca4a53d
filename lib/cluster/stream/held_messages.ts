import type { BackplaneCounters, StreamPublication } from "../../chat/backplane.ts";

/** What a message costs besides its bytes. */
const MESSAGE_OVERHEAD_BYTES = 128;

/** Senders are held back beyond this part of the bound. */
const BACKLOG_PART = 1 / 4;

/** Without an outage, the bound is so many times as high. */
const HEALTHY_FACTOR = 8;

/** The messages of all rooms that are not acknowledged: their memory is bounded. */
export class HeldMessages {
  /** Those that messages are in. An outbox that is closed refuses its messages. */
  readonly outboxes = new Set<{ close(reason: string): void }>();
  readonly #maxBytes: number;
  readonly #counters: BackplaneCounters;
  #backlog: PromiseWithResolvers<void> | undefined;
  #refusesNew = false;

  constructor(maxBytes: number, counters: BackplaneCounters) {
    this.#maxBytes = maxBytes;
    this.#counters = counters;
  }

  /** Resolves when less than a quarter of the bound is used; undefined if that is so now. */
  get backlog(): Promise<void> | undefined {
    if (this.#isLow) return undefined;
    this.#backlog ??= Promise.withResolvers();
    return this.#backlog.promise;
  }

  /**
   * Adds a message. Returns false if that would exceed the bound, or no more are added. Without an
   * outage, the bound is higher: what senders have sent before they are held back is to be stored.
   */
  add(publication: StreamPublication, isOutage: boolean): boolean {
    const bytes = this.#counters.heldBytes + heldBytes(publication);
    if (this.#refusesNew || bytes > this.#maxBytes * (isOutage ? 1 : HEALTHY_FACTOR)) return false;
    this.#counters.heldBytes = bytes;
    return true;
  }

  /** Adds no more messages. */
  refuseNew(): void {
    this.#refusesNew = true;
  }

  /** Removes messages that are acknowledged or refused. */
  remove(publications: readonly StreamPublication[]): void {
    for (const publication of publications) this.#counters.heldBytes -= heldBytes(publication);
    if (this.#isLow) this.releaseSenders();
  }

  /** Resolves the backlog: also when an outage begins. */
  releaseSenders(): void {
    this.#backlog?.resolve();
    this.#backlog = undefined;
  }

  get #isLow(): boolean {
    return this.#counters.heldBytes <= this.#maxBytes * BACKLOG_PART;
  }
}

function heldBytes({ bytes }: StreamPublication): number {
  return bytes.length + MESSAGE_OVERHEAD_BYTES;
}
