import type { Logger } from "@logtape/logtape";
import { InterruptibleCalls } from "../connection/interruptible_calls.ts";

/** The pause between two attempts to recover. */
const RECOVERY_PAUSE_MS = 250;

/** What {@linkcode StreamHealth} needs. */
export interface StreamHealthOptions {
  readonly logger: Logger;
  /** Resolves when the stream can be used, and everything in it has been handled here. */
  readonly recover: () => Promise<void>;
  /** Called when an outage begins, and when it ends. */
  readonly onChange: () => void;
}

/** The stream cannot be used. */
export class OutageError extends Error {
  override readonly name = "OutageError";
}

/**
 * Whether messages can be stored now.
 *
 * After an outage, nobody knows which of the publishes under way were stored. So everything that is
 * in the stream is handled first: those that were stored have come back then.
 */
export class StreamHealth {
  /** How often the stream has recovered. */
  recoveries = 0;
  readonly #options: StreamHealthOptions;
  readonly #calls = new InterruptibleCalls();
  #outage: string | undefined;
  #recovered = Promise.withResolvers<void>();
  #isStopped = false;

  constructor(options: StreamHealthOptions) {
    this.#options = options;
  }

  /** Why messages cannot be stored now, for people; undefined if they can. */
  get outage(): string | undefined {
    return this.#outage;
  }

  /** Resolves when messages can be stored, or when everything is stopped. */
  async ready(): Promise<void> {
    while (this.#outage !== undefined && !this.#isStopped) await this.#recovered.promise;
  }

  /**
   * Waits for the answer to a publish.
   *
   * @throws {OutageError} If an outage begins meanwhile.
   */
  call<T>(answer: Promise<T>): Promise<T> {
    return this.#calls.run(answer);
  }

  /** Begins an outage, unless there is one. It ends when the stream has recovered. */
  suspect(reason: string): void {
    if (this.#outage !== undefined || this.#isStopped) return;
    this.#outage = reason;
    this.#calls.interrupt(new OutageError(reason));
    this.#options.onChange();
    this.#recover();
  }

  /** Recovers no more. */
  stop(): void {
    this.#isStopped = true;
    this.#calls.interrupt(new OutageError("the server stops"));
    this.#recovered.resolve();
  }

  async #recover(): Promise<void> {
    const { logger, recover, onChange } = this.#options;
    const logged = new Set([this.#outage]);
    while (!this.#isStopped) {
      try {
        await recover();
        break;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (this.#isStopped) return;
        this.#outage = reason;
        if (!logged.has(reason)) {
          logged.add(reason);
          logger.warn("Messages still cannot be stored: {reason}", { reason });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, RECOVERY_PAUSE_MS));
    }
    if (this.#isStopped) return;
    this.#outage = undefined;
    this.recoveries++;
    this.#recovered.resolve();
    this.#recovered = Promise.withResolvers();
    onChange();
  }
}
