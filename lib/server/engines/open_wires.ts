import type { Chat } from "../../chat/chat.ts";
import { CLOSE_CODES } from "../../chat/close_code.ts";
import type { Wire } from "../../chat/members/wire.ts";

/** What all engines of a server share. */
export interface EngineParts {
  readonly chat: Chat;
  readonly wires: OpenWires;
}

/**
 * How long an upgrade counts as under way. Deno opens a WebSocket right after its handshake; but if
 * the peer has gone before that, Deno fires no event at all.
 */
const UPGRADE_TIMEOUT_MS = 5000;

/** The open connections of all engines, including those that are closing. */
export class OpenWires extends Set<Wire> {
  /** When the upgrades under way began, the oldest first. */
  readonly #upgrades = new Map<WebSocket, number>();
  #whenEmpty: PromiseWithResolvers<void> | undefined;
  /** Whether the server stops: then a connection that still opens is closed at once. */
  isClosing = false;

  /** Counts an upgrade as under way, until {@linkcode endUpgrade} is called for its socket. */
  beginUpgrade(socket: WebSocket, nowMs: number): void {
    this.#upgrades.set(socket, nowMs);
  }

  endUpgrade(socket: WebSocket): void {
    this.#upgrades.delete(socket);
  }

  /** The number of open connections and of upgrades under way. */
  sizeWithUpgrades(nowMs: number): number {
    for (const [socket, sinceMs] of this.#upgrades) {
      if (nowMs - sinceMs < UPGRADE_TIMEOUT_MS) break;
      this.#upgrades.delete(socket);
    }
    return this.size + this.#upgrades.size;
  }

  override delete(wire: Wire): boolean {
    const wasOpen = super.delete(wire);
    if (this.size === 0) this.#whenEmpty?.resolve();
    return wasOpen;
  }

  /** Closes every connection with 1001, and resolves when the last one has closed. */
  async closeAll(): Promise<void> {
    this.isClosing = true;
    for (const wire of this) wire.close(CLOSE_CODES.goingAway);
    if (this.size > 0) await (this.#whenEmpty ??= Promise.withResolvers()).promise;
  }
}
