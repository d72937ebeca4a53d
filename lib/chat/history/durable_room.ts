import type { History, StoredRoom } from "./history.ts";
import type { Message } from "../message.ts";

/** How many messages are read first. Then as many as there are already, up to the most, as they may be long. */
const READ_STEP_MESSAGES = { first: 32, max: 256 };

/** What a durable history keeps of one room. Where it cannot be read, nothing is there. */
export class DurableRoom {
  readonly #history: History;
  readonly #name: string;
  readonly #onFault: (error: unknown) => void;

  /** @param onFault Told why it cannot be read. */
  constructor(history: History, name: string, onFault: (error: unknown) => void) {
    this.#history = history;
    this.#name = name;
    this.#onFault = onFault;
  }

  /** What is known of it; undefined if it cannot be read. */
  open(): StoredRoom | undefined {
    return this.#tried(() => this.#history.open(this.#name) ?? NEVER_KEPT);
  }

  /** The number of the oldest message that is not older than a time in milliseconds since 1970, if any. */
  oldest(fromMs: number): number | undefined {
    return this.#tried(() => this.#history.oldest(this.#name, fromMs));
  }

  /** The number of the message that an author has said with an id, if any. */
  numberOf(authorId: string | null, id: string): number | undefined {
    return this.#tried(() => this.#history.numberOf(this.#name, authorId, id));
  }

  /** The messages behind a number, in order, up to a hole: `limit` of them, or all, or fewer once they are `maxLength` long. */
  read(after: number, limit: number, maxLength: number): Message[] {
    const messages: Message[] = [];
    for (let length = 0; messages.length < limit && length < maxLength;) {
      const { first, max } = READ_STEP_MESSAGES;
      const step = Math.min(limit - messages.length, Math.max(first, messages.length), max);
      const last = messages.at(-1)?.number ?? after;
      const read = this.#tried(() => this.#history.read(this.#name, last, step)) ?? [];
      for (const message of read) {
        if (length >= maxLength) break;
        if (messages.length > 0 && message.number !== messages.at(-1)!.number + 1) return messages;
        messages.push(message);
        length += message.body.length;
      }
      if (read.length < step) break;
    }
    return messages;
  }

  #tried<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#onFault(error);
      return undefined;
    }
  }
}

/** What is known of a room that has never been. */
const NEVER_KEPT: StoredRoom = { headSeq: 0, epochs: [] };
