import type { Logger } from "@logtape/logtape";
import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import type { SharedRoom } from "../../chat/backplane.ts";
import { compareUtf8, indexAfter } from "../../chat/compare_utf8.ts";
import type { PresentMember } from "../../chat/presence.ts";
import { PeerLists } from "./peer_lists.ts";
import { type Peer, Peers } from "./peers.ts";
import { PresenceChannel, type PresenceMessage } from "./presence_channel.ts";
import {
  encodeAnswers,
  encodeRooms,
  type NodeMessage,
  type RoomsRequest,
} from "./presence_message.ts";
import { type PresenceListener, PresenceRoom } from "./presence_room.ts";

/** How many heartbeats a node sends within the time to live. */
const BEATS_PER_TTL = 3;

/** How long the opening of a room waits for the members at other nodes. */
const OPEN_TIMEOUT_MS = 500;

/** After its start, a node waits this long for messages of the other nodes. */
const DISCOVERY_MS = 200;

/** Stands for the nodes that are unknown until then. No node has this id. */
const DISCOVERY = "";

/** How a node exchanges its members with other nodes. */
export interface PresenceExchangeOptions {
  /** It must not have `noEcho`: a node must receive its own heartbeats to find nodes gone. */
  readonly connection: NatsConnection;
  /** The id of this process: 1 to 64 letters, digits, `-`, and `_`. Each process has another. */
  readonly nodeId: string;
  /** How long another node may be silent before it is gone. It must be equal at all nodes. */
  readonly ttlMs: number;
  readonly logger: Logger;
  /** Called when the number of other nodes changes. */
  onPeersChange(count: number): void;
}

/**
 * Tells rooms which members they have at other nodes. Nothing is stored: a node sends changes, and
 * answers with a snapshot if another node asks. The members of a node leave when the node is gone.
 *
 * NATS delivers each message at most once. Changes in a room and heartbeats are numbered, so a node
 * finds out that it has missed one, and asks. Until the answer comes, it leaves its list unchanged.
 *
 * A node is gone when it has been silent for its time to live, or up to a third longer. Time in
 * which this node does not receive its own heartbeats does not count: without a connection, no node
 * is gone.
 */
export class PresenceExchange implements AsyncDisposable {
  readonly #options: PresenceExchangeOptions;
  readonly #channel: PresenceChannel;
  readonly #peers = new Peers(BEATS_PER_TTL);
  readonly #rooms = new Map<string, OpenRoom>();
  /** The names of the rooms in the order of their UTF-8; undefined if they have changed. */
  #sortedNames: readonly string[] | undefined;
  readonly #lists = new PeerLists();
  readonly #subscriptions: readonly Subscription[];
  readonly #sweepTimer: ReturnType<typeof setInterval>;
  readonly #discoveryTimer: ReturnType<typeof setTimeout>;
  #hasDiscovered = false;
  /** Whether this node has received a message of its own since the last sweep. */
  #isSelfHeard = false;
  #beat = 0;
  #isDisposed = false;

  /** Subscribes, and sends the first heartbeat. */
  constructor(options: PresenceExchangeOptions) {
    const { connection, nodeId, ttlMs, logger } = options;
    this.#options = options;
    this.#channel = new PresenceChannel(connection, nodeId, logger);
    this.#subscriptions = [
      this.#channel.subscribeToNodes((message) => this.#receive(message)),
      this.#channel.subscribeToAnswers((message) => this.#receivePresence(message)),
    ];
    this.#sweepTimer = setInterval(() => this.#sweep(), ttlMs / BEATS_PER_TTL);
    this.#discoveryTimer = setTimeout(() => this.#endDiscovery(), DISCOVERY_MS);
    this.#tellLife();
  }

  /**
   * Opens a room, and asks the other nodes for its members. The listener is called from now on.
   * Resolves when all other nodes have answered, or after 500 ms. Never rejects.
   */
  async open(name: string, listener: PresenceListener): Promise<void> {
    if (this.#isDisposed || !this.#channel.isOpen) return;
    const room = new PresenceRoom(name, this.#options.nodeId, listener);
    const subscription = this.#channel.subscribeToRoom(
      name,
      (message) => this.#receivePresence(message, room),
    );
    this.#rooms.set(name, { room, subscription });
    this.#sortedNames = undefined;
    room.waitFor(DISCOVERY);
    for (const node of this.#peers.nodes) room.expect(node);
    this.#channel.tellNodes({ type: "ask", room: name });
    // The room may have been open before, and may still have members.
    if (room.localMemberCount > 0) this.#channel.tellRoom(name, room.tellAll());
    if (this.#hasDiscovered) room.stopWaiting(DISCOVERY);
    const timer = setTimeout(() => room.stopWaiting(), OPEN_TIMEOUT_MS);
    await room.opened;
    clearTimeout(timer);
  }

  /**
   * Tells the other nodes about changes in a room: members that have joined it here, or have a new
   * name, and members that have no connection here any more. Does nothing if the room is not open.
   */
  tell(name: string, joined: readonly PresentMember[], left: readonly PresentMember[]): void {
    const room = this.#rooms.get(name)?.room;
    if (room) this.#channel.tellRoom(name, room.tellChange(joined, left));
  }

  /**
   * Closes a room: its listener is not called any more. If it has no members here, the other nodes
   * are told. Otherwise they list its members until the room is opened here again.
   */
  close(name: string): void {
    const open = this.#rooms.get(name);
    if (!open) return;
    const { room, subscription } = open;
    this.#rooms.delete(name);
    this.#sortedNames = undefined;
    subscription.unsubscribe();
    room.stopWaiting();
    const hasToTell = room.isTold && room.localMemberCount === 0 && !this.#isDisposed;
    if (hasToTell) this.#channel.tellRoom(name, room.tellAll());
  }

  /**
   * At most `limit` rooms with members at other nodes whose names are after a name, in the order of
   * their UTF-8. Resolves when all other nodes have answered, or after 500 ms with the answers
   * until then. Never rejects.
   */
  rooms(after: string, limit: number): Promise<SharedRoom[]> {
    return this.#lists.list(after, limit, (request) => {
      if (this.#isDisposed || !this.#channel.isOpen) return [];
      this.#channel.tellNodes(request);
      return this.#hasDiscovered ? this.#peers.nodes : [DISCOVERY, ...this.#peers.nodes];
    });
  }

  /** Exchanges the members with all nodes again. Call it after a reconnect. */
  resync(): void {
    this.#tellLife();
    for (const node of this.#peers.nodes) this.#doubt(node);
    this.#channel.tellNodes({ type: "ask" });
    for (const { room } of this.#rooms.values()) {
      if (room.isTold) this.#channel.tellRoom(room.name, room.tellAll());
    }
  }

  /** Tells the other nodes that this one ends. The caller drains the connection. */
  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isDisposed) this.#channel.tellNodes({ type: "bye" });
    this.#isDisposed = true;
    clearInterval(this.#sweepTimer);
    clearTimeout(this.#discoveryTimer);
    for (const name of [...this.#rooms.keys()]) this.close(name);
    this.#lists.stopWaiting();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    return Promise.resolve();
  }

  /** Receives a message of a node to all nodes. */
  #receive(message: NodeMessage): void {
    const { type, node } = message;
    if (node === this.#options.nodeId) {
      this.#isSelfHeard = true;
      return;
    }
    if (type === "bye") return this.#remove(node);
    const peer = this.#hear(node);
    if (!peer) return;
    if (type === "here") {
      const hasMissed = peer.beat !== undefined && message.beat !== peer.beat + 1;
      peer.beat = message.beat;
      if (hasMissed && !peer.isAsked) this.#askAll(node);
    } else if (type === "rooms") {
      this.#answerRooms(node, message);
    } else if (message.to === undefined || message.to === this.#options.nodeId) {
      this.#answer(node, message.room);
    }
  }

  /** Receives answers, or the delta of a room. */
  #receivePresence(message: PresenceMessage, room?: PresenceRoom): void {
    const { node } = message;
    if (node === this.#options.nodeId) return;
    const peer = this.#hear(node);
    if (!peer) return;
    if ("rooms" in message) return this.#lists.receive(message);
    if (!("snapshots" in message)) {
      if (room?.applyDelta(message) === false && !peer.isAsked) {
        this.#channel.tellNodes({ type: "ask", to: node, room: room.name });
      }
      return;
    }
    for (const part of message.snapshots) this.#rooms.get(part.room)?.room.applyPart(node, part);
    if (message.isEnd) {
      peer.isAsked = false;
      for (const { room } of this.#rooms.values()) room.endAnswers(node);
    }
  }

  /** Notes that a node has sent something. Returns undefined if there are too many nodes. */
  #hear(node: string): Peer | undefined {
    const known = this.#peers.get(node);
    if (known) {
      known.isHeard = true;
      return known;
    }
    const peer = this.#peers.add(node);
    if (!peer) {
      this.#channel.warn("Ignored a node: there are too many");
      return undefined;
    }
    for (const { room } of this.#rooms.values()) room.waitFor(node);
    this.#askAll(node);
    this.#options.onPeersChange(this.#peers.size);
    return peer;
  }

  /** Asks a node for its members in all rooms. */
  #askAll(node: string): void {
    this.#doubt(node);
    this.#channel.tellNodes({ type: "ask", to: node });
  }

  #doubt(node: string): void {
    this.#peers.get(node)!.isAsked = true;
    for (const { room } of this.#rooms.values()) room.doubt(node);
  }

  /** Answers a node with the members in a room, or in all rooms. */
  #answer(to: string, name: string | undefined): void {
    const snapshots = name === undefined
      ? this.#rooms.values().map(({ room }) => room.snapshot)
      : [this.#rooms.get(name)?.room.snapshot ?? { room: name, n: 0, members: [] }];
    const isAll = name === undefined;
    this.#channel.answer(to, encodeAnswers({ node: this.#options.nodeId, snapshots, isAll }));
  }

  /** Answers a node with the rooms that have members here. */
  #answerRooms(to: string, { request, after, limit }: RoomsRequest): void {
    const names = this.#sortedNames ??= [...this.#rooms.keys()].sort(compareUtf8);
    const rooms: SharedRoom[] = [];
    for (let at = indexAfter(names, after); at < names.length && rooms.length < limit; at++) {
      const room = names[at]!;
      const memberCount = this.#rooms.get(room)!.room.localMemberCount;
      if (memberCount > 0) rooms.push({ room, memberCount });
    }
    this.#channel.answer(to, encodeRooms({ node: this.#options.nodeId, request, rooms }));
  }

  /** Removes nodes that are gone, repeats unanswered questions, and sends a heartbeat. */
  #sweep(): void {
    for (const node of this.#isSelfHeard ? this.#peers.sweep() : []) this.#remove(node);
    this.#isSelfHeard = false;
    for (const to of this.#peers.asked) this.#channel.tellNodes({ type: "ask", to });
    for (const { room } of this.#rooms.values()) {
      for (const to of room.unknown) {
        if (!this.#peers.get(to)?.isAsked) {
          this.#channel.tellNodes({ type: "ask", to, room: room.name });
        }
      }
    }
    this.#tellLife();
  }

  #remove(node: string): void {
    if (!this.#peers.delete(node)) return;
    for (const { room } of this.#rooms.values()) room.remove(node);
    this.#lists.stopWaiting(node);
    this.#options.onPeersChange(this.#peers.size);
  }

  #endDiscovery(): void {
    this.#hasDiscovered = true;
    for (const { room } of this.#rooms.values()) room.stopWaiting(DISCOVERY);
    this.#lists.stopWaiting(DISCOVERY);
  }

  #tellLife(): void {
    this.#channel.tellNodes({ type: "here", beat: ++this.#beat });
  }
}

interface OpenRoom {
  readonly room: PresenceRoom;
  readonly subscription: Subscription;
}
