import { getLogger } from "@logtape/logtape";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { assert } from "@std/assert";
import type { PresentMember } from "../../lib/chat/presence.ts";
import { PresenceExchange } from "../../lib/cluster/presence/presence_exchange.ts";
import type { PresenceListener } from "../../lib/cluster/presence/presence_room.ts";
import { Mailbox } from "../socket/mailbox.ts";
import type { NatsServer } from "./nats_server.ts";

/** A time to live that does not end in a test. */
const LONG_TTL_MS = 3_600_000;

/** A process with a connection and an exchange of its own. */
export class PresenceNode implements AsyncDisposable {
  readonly exchange: PresenceExchange;
  readonly connection: NatsConnection;
  /** The numbers of other nodes, as they changed. */
  readonly peerCounts = new Mailbox<number>();
  /** Has an item for each try to reconnect. */
  readonly #tries = new Mailbox<void>();

  private constructor(connection: NatsConnection, nodeId: string, ttlMs: number) {
    this.connection = connection;
    this.exchange = new PresenceExchange({
      connection,
      nodeId,
      ttlMs,
      logger: getLogger(["test", nodeId]),
      onPeersChange: (count) => this.peerCounts.put(count),
    });
    this.#followConnection();
  }

  static async start(
    server: NatsServer,
    nodeId: string,
    ttlMs: number = LONG_TTL_MS,
  ): Promise<PresenceNode> {
    const connection = await connect({
      servers: server.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
    });
    return new PresenceNode(connection, nodeId, ttlMs);
  }

  /** Opens a room that has members here already. */
  async open(name: string, local: Record<string, string> = {}): Promise<TestRoom> {
    const room = new TestRoom(this.exchange, name, local);
    await this.exchange.open(name, room);
    return room;
  }

  /** Waits until there are so many other nodes. */
  async hasPeers(count: number): Promise<void> {
    while (await this.peerCounts.take() !== count);
  }

  /** Waits until it has tried so often to reconnect. */
  async hasTried(count: number): Promise<void> {
    for (let tries = 0; tries < count; tries++) await this.#tries.take();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.exchange[Symbol.asyncDispose]();
    await this.connection.close();
  }

  async #followConnection(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === "reconnecting") this.#tries.put();
      if (type === "reconnect") this.exchange.resync();
    }
  }
}

/** A room at a node. Members have the names that their ids map to. */
export class TestRoom implements PresenceListener {
  readonly #exchange: PresenceExchange;
  readonly #name: string;
  readonly #local = new Map<string, PresentMember>();
  readonly #remote = new Set<PresentMember>();
  /** What has changed at other nodes: `+NAME` and `-NAME`. */
  readonly changes: string[] = [];
  #onChange = Promise.withResolvers<void>();

  constructor(exchange: PresenceExchange, name: string, local: Record<string, string>) {
    this.#exchange = exchange;
    this.#name = name;
    this.addUntold(local);
  }

  get localMembers(): Iterable<PresentMember> {
    return this.#local.values();
  }

  get localMemberCount(): number {
    return this.#local.size;
  }

  /** The names at other nodes, sorted. */
  get names(): string[] {
    return [...this.#remote].map(({ name }) => name ?? "").sort();
  }

  onJoined(members: readonly PresentMember[]): void {
    for (const member of members) {
      this.#remote.add(member);
      this.changes.push(`+${member.name}`);
    }
    this.#notify();
  }

  onLeft(members: readonly PresentMember[]): void {
    for (const member of members) {
      assert(this.#remote.delete(member), `${member.name} left, but this object had not joined`);
      this.changes.push(`-${member.name}`);
    }
    this.#notify();
  }

  /** Adds members without telling of them, as if that were lost. */
  addUntold(members: Record<string, string>): PresentMember[] {
    const added = Object.entries(members).map(([id, name]) => ({ id, name }));
    for (const member of added) this.#local.set(member.id, member);
    return added;
  }

  /** Adds members, or gives them new names. */
  join(members: Record<string, string>): void {
    this.#exchange.tell(this.#name, this.addUntold(members), []);
  }

  leave(...ids: string[]): void {
    this.#exchange.tell(this.#name, [], this.removeUntold(...ids));
  }

  /** Removes members without telling of it. */
  removeUntold(...ids: string[]): PresentMember[] {
    const left = ids.map((id) => this.#local.get(id)!);
    for (const id of ids) this.#local.delete(id);
    return left;
  }

  /** Waits until these are the names at other nodes. */
  async shows(...names: string[]): Promise<void> {
    const expected = names.sort().join();
    while (this.names.join() !== expected) await this.#onChange.promise;
  }

  #notify(): void {
    this.#onChange.resolve();
    this.#onChange = Promise.withResolvers<void>();
  }
}
