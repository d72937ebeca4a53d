import type { Chat } from "../../chat/chat.ts";
import { CLOSE_CODES } from "../../chat/close_code.ts";
import type { Wire } from "../../chat/members/wire.ts";

/** What all engines of a server share. */
export interface EngineParts {
  readonly chat: Chat;
  readonly wires: OpenWires;
}

/** The open connections of all engines, including those that are closing. */
export class OpenWires extends Set<Wire> {
  readonly #whenEmpty = Promise.withResolvers<void>();
  /** Whether {@linkcode closeAll} has been called. */
  isClosing = false;

  override delete(wire: Wire): boolean {
    const wasOpen = super.delete(wire);
    if (this.isClosing && this.size === 0) this.#whenEmpty.resolve();
    return wasOpen;
  }

  /** Closes every connection with 1001, and resolves when the last one has closed. */
  async closeAll(): Promise<void> {
    this.isClosing = true;
    for (const wire of this) wire.close(CLOSE_CODES.goingAway);
    if (this.size > 0) await this.#whenEmpty.promise;
  }
}
