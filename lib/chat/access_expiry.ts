import type { Access } from "./access.ts";
import { CLOSE_CODES, type CloseCode } from "./close_code.ts";

/** How often members are checked. The access of a member ends up to this much too late. */
const INTERVAL_MS = 1000;

/** How long before its access ends a member is told: time to get a new token. */
const NOTICE_MS = 25_000;

/** A member whose access ends. */
export interface ExpiringMember {
  readonly access: Access;
  onExpiring(expiresInSeconds: number): void;
  /** When this returns, the member has left the chat. */
  close(status: CloseCode): void;
  fail(error: unknown): void;
}

/** What an {@linkcode AccessExpiry} needs. */
export interface AccessExpiryOptions {
  /** Reads the time, in milliseconds since 1970. */
  readonly readMs: () => number;
  /** Runs a function every `ms`. Returns a function that stops it. */
  readonly startInterval: (run: () => void, ms: number) => () => void;
}

/**
 * Tells members that their access ends soon, and closes them with 4401 when it has ended. One timer
 * serves all members, and runs only while the access of one of them ends.
 */
export class AccessExpiry {
  readonly #options: AccessExpiryOptions;
  /** The members whose access ends, and whether they have been told. */
  readonly #members = new Map<ExpiringMember, boolean>();
  #stopTimer: (() => void) | undefined;

  constructor(options: AccessExpiryOptions) {
    this.#options = options;
  }

  /**
   * Watches a member, which is new or has new access.
   *
   * @returns The seconds until its access ends; null if it does not end.
   */
  watch(member: ExpiringMember): number | null {
    const { expiresAtMs } = member.access;
    if (expiresAtMs === Infinity) {
      this.forget(member);
      return null;
    }
    const { readMs, startInterval } = this.#options;
    this.#members.set(member, false);
    this.#stopTimer ??= startInterval(() => this.#check(), INTERVAL_MS);
    return toSeconds(expiresAtMs - readMs());
  }

  /** Stops watching a member. Harmless if it is not watched. */
  forget(member: ExpiringMember): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #check(): void {
    const nowMs = this.#options.readMs();
    for (const [member, isTold] of this.#members) {
      const leftMs = member.access.expiresAtMs - nowMs;
      if (leftMs > NOTICE_MS || (isTold && leftMs > 0)) continue;
      try {
        if (leftMs <= 0) {
          member.close(CLOSE_CODES.tokenExpired);
          this.forget(member);
        } else {
          this.#members.set(member, true);
          member.onExpiring(toSeconds(leftMs));
        }
      } catch (error) {
        member.fail(error);
      }
    }
  }
}

function toSeconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}
