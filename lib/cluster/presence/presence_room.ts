import type { RoomListener } from "../../chat/backplane.ts";
import type { PresentMember } from "../../chat/presence.ts";
import {
  type Delta,
  encodeAnswers,
  encodeDeltas,
  type Snapshot,
  type SnapshotPart,
} from "./presence_message.ts";
import { type MemberChange, RemoteMembers } from "./remote_members.ts";

/** The part of a {@linkcode RoomListener} that presence needs. */
export type PresenceListener = Pick<
  RoomListener,
  "onJoined" | "onLeft" | "localMembers" | "localMemberCount"
>;

/** A room that is open in this process, and its members at other nodes. */
export class PresenceRoom {
  readonly name: string;
  readonly #nodeId: string;
  readonly #listener: PresenceListener;
  readonly #remotes = new Map<string, RemoteMembers>();
  /** The number of the last change that was sent; 0 if nothing was sent. */
  #n = 0;
  readonly #waitsFor = new Set<string>();
  readonly #opened = Promise.withResolvers<void>();

  constructor(name: string, nodeId: string, listener: PresenceListener) {
    this.name = name;
    this.#nodeId = nodeId;
    this.#listener = listener;
  }

  /** Resolves when the room does not wait any more. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Waits for a node, or for another thing with a name. */
  waitFor(name: string): void {
    this.#waitsFor.add(name);
  }

  /** Stops waiting for a node, or for all nodes. */
  stopWaiting(name?: string): void {
    if (name === undefined) this.#waitsFor.clear();
    else this.#waitsFor.delete(name);
    if (this.#waitsFor.size === 0) this.#opened.resolve();
  }

  /** The members in this process. */
  get snapshot(): Snapshot {
    return { room: this.name, n: this.#n, members: this.#listener.localMembers };
  }

  /** The number of members in this process. */
  get localMemberCount(): number {
    return this.#listener.localMemberCount;
  }

  /** Whether other nodes have been told of members in this process. */
  get isTold(): boolean {
    return this.#n > 0;
  }

  /** Returns the messages about a change in this process. The first have all members. */
  tellChange(joined: readonly PresentMember[], left: readonly PresentMember[]): string[] {
    // Others may still have members of the room from before it was closed here.
    if (this.#n === 0) return this.tellAll(joined, left);
    const texts = encodeDeltas({ node: this.#nodeId, n: this.#n + 1, joined, left });
    this.#n += texts.length;
    return texts;
  }

  /** Returns messages with all members in this process, as they are after a change. */
  tellAll(joined: readonly PresentMember[] = [], left: readonly PresentMember[] = []): string[] {
    this.#n ||= 1;
    const { room, n, members: before } = this.snapshot;
    const members = new Map(Iterator.from(before).map((member) => [member.id, member]));
    for (const { id } of left) members.delete(id);
    for (const member of joined) members.set(member.id, member);
    const snapshots = [{ room, n, members: members.values() }];
    return [...encodeAnswers({ node: this.#nodeId, snapshots, isAll: false })];
  }

  /** Applies a delta of a node. Returns false if the caller must ask the node for a snapshot. */
  applyDelta(delta: Delta): boolean {
    const known = this.#remotes.get(delta.node);
    const remote = this.#remoteOf(delta.node);
    const isAsked = known !== undefined && !known.isKnown;
    this.#announce(remote.applyDelta(delta));
    return remote.isKnown || isAsked;
  }

  /** Applies a part of a node's snapshot. */
  applyPart(node: string, part: SnapshotPart): void {
    const remote = this.#remoteOf(node);
    this.#announce(remote.applyPart(part));
    if (remote.isKnown) this.stopWaiting(node);
  }

  /** Notes that the members at a node are uncertain until it answers. */
  doubt(node: string): void {
    this.#remotes.get(node)?.doubt();
  }

  /** Waits for the answer of a node about its members in this room. */
  expect(node: string): void {
    this.#remoteOf(node).doubt();
    this.waitFor(node);
  }

  /** The nodes whose members in this room are uncertain. */
  get unknown(): Iterable<string> {
    return this.#remotes.entries().filter(([, { isKnown }]) => !isKnown).map(([node]) => node);
  }

  /** Notes that a node has answered for all rooms: it has no members here unless it named them. */
  endAnswers(node: string): void {
    if (this.#remotes.get(node)?.isKnown === false) this.remove(node);
    else this.stopWaiting(node);
  }

  /** Removes the members at a node. */
  remove(node: string): void {
    const remote = this.#remotes.get(node);
    this.#remotes.delete(node);
    if (remote) this.#announce({ left: remote.members, joined: [] });
    this.stopWaiting(node);
  }

  #remoteOf(node: string): RemoteMembers {
    let remote = this.#remotes.get(node);
    if (!remote) {
      remote = new RemoteMembers();
      this.#remotes.set(node, remote);
    }
    return remote;
  }

  /** A renamed member leaves before it joins, so `Presence` reports it as joined only. */
  #announce(change: MemberChange | undefined): void {
    if (!change) return;
    if (change.left.length > 0) this.#listener.onLeft(change.left);
    if (change.joined.length > 0) this.#listener.onJoined(change.joined);
  }
}
