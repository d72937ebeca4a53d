import { Buffer } from "node:buffer";
import type { Access } from "../../../chat/access.ts";

/** The maximum length of all remembered tokens: about 16,000 of 250 characters. */
const MAX_LENGTH = 4 * 1024 * 1024;

/**
 * The tokens that were verified last, the newest last.
 *
 * When a server restarts or a network fails for a moment, thousands of clients reconnect at once
 * with tokens that were verified a moment ago. To verify a signature takes 25 to 350 µs.
 */
export class VerifiedTokens {
  readonly #accesses = new Map<string, Access>();
  #length = 0;

  /** Remembers a token that is valid until its access ends. */
  add(given: string, access: Access): void {
    // A part of a string retains the whole string: here the head of the request. This one is new.
    const token = Buffer.from(given, "latin1").toString("latin1");
    this.delete(token);
    this.#accesses.set(token, access);
    this.#length += token.length;
    while (this.#length > MAX_LENGTH) this.delete(this.#accesses.keys().next().value!);
  }

  /** Returns the access of a token; undefined if it is not known, or has ended. */
  get(token: string, nowMs: number): Access | undefined {
    const access = this.#accesses.get(token);
    if (!access || nowMs < access.expiresAtMs) return access;
    this.delete(token);
    return undefined;
  }

  delete(token: string): void {
    if (this.#accesses.delete(token)) this.#length -= token.length;
  }

  clear(): void {
    this.#accesses.clear();
    this.#length = 0;
  }
}
