import type { Chat } from "../../chat/chat.ts";
import { CLOSE_CODES } from "../../chat/close_code.ts";
import type { Wire } from "../../chat/members/wire.ts";
import type { ServerCounters } from "../metrics/server_counters.ts";

/** Counts the connections of each address. */
export interface AddressCounter {
  enter(ip: string): void;
  leave(ip: string): void;
}

/** What all engines of a server share. */
export interface EngineParts {
  readonly chat: Chat;
  readonly wires: OpenWires;
  readonly counters: ServerCounters;
}

/**
 * How long an upgrade counts as under way. Deno opens a WebSocket right after its handshake; but if
 * the peer has gone before that, Deno fires no event at all.
 */
const UPGRADE_TIMEOUT_MS = 5000;

/** An upgrade under way. */
export interface Upgrade {
  readonly sinceMs: number;
  /** The client's IP address. */
  readonly ip: string;
  readonly roomName: string;
}

/** The open connections of all engines, including those that are closing. */
export class OpenWires extends Set<Wire> {
  readonly #counter: AddressCounter | undefined;
  /** The IP addresses of the connections, if they are counted. */
  readonly #ips = new Map<Wire, string>();
  /** The upgrades under way, the oldest first. */
  readonly #upgrades = new Map<WebSocket, Upgrade>();
  /** The number of upgrades under way by room. */
  readonly #joining = new Map<string, number>();
  #whenEmpty: PromiseWithResolvers<void> | undefined;
  /** Whether the server stops: then a connection that still opens is closed at once. */
  isClosing = false;

  /** @param counter Undefined if connections are not counted by address. */
  constructor(counter?: AddressCounter) {
    super();
    this.#counter = counter;
  }

  /** Counts an upgrade as under way, until {@linkcode endUpgrade} is called for its socket. */
  beginUpgrade(socket: WebSocket, upgrade: Upgrade): void {
    this.#upgrades.set(socket, upgrade);
    this.#joining.set(upgrade.roomName, this.joiningCount(upgrade.roomName) + 1);
    this.#counter?.enter(upgrade.ip);
  }

  endUpgrade(socket: WebSocket): void {
    const upgrade = this.#upgrades.get(socket);
    if (!upgrade) return;
    this.#upgrades.delete(socket);
    this.#counter?.leave(upgrade.ip);
    const count = this.joiningCount(upgrade.roomName) - 1;
    if (count > 0) this.#joining.set(upgrade.roomName, count);
    else this.#joining.delete(upgrade.roomName);
  }

  /** The number of upgrades under way whose connections will join a room. */
  joiningCount(roomName: string): number {
    return this.#joining.get(roomName) ?? 0;
  }

  /** The number of open connections and of upgrades under way. */
  sizeWithUpgrades(nowMs: number): number {
    for (const [socket, { sinceMs }] of this.#upgrades) {
      if (nowMs - sinceMs < UPGRADE_TIMEOUT_MS) break;
      this.endUpgrade(socket);
    }
    return this.size + this.#upgrades.size;
  }

  /** Adds a connection of a client. */
  override add(wire: Wire, ip = ""): this {
    if (this.#counter) {
      this.#ips.set(wire, ip);
      this.#counter.enter(ip);
    }
    return super.add(wire);
  }

  override delete(wire: Wire): boolean {
    const wasOpen = super.delete(wire);
    if (this.#counter && wasOpen) {
      this.#counter.leave(this.#ips.get(wire)!);
      this.#ips.delete(wire);
    }
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
