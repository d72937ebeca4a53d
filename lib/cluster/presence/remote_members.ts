import type { PresentMember } from "../../chat/presence.ts";
import type { Delta, SnapshotPart } from "./presence_message.ts";

/** The maximum number of members in a room at one node. */
const MAX_MEMBERS = 1_000_000;

/** Members that have left a room, and members that have joined it after that. */
export interface MemberChange {
  readonly left: readonly PresentMember[];
  readonly joined: readonly PresentMember[];
}

/**
 * The members of a room at another node, from the messages of that node.
 *
 * | state   | delta that follows | other delta | last part of a snapshot |
 * |---------|--------------------|-------------|-------------------------|
 * | unknown | ignored            | ignored     | applied: known          |
 * | known   | applied            | → unknown   | applied                 |
 *
 * In the state "unknown", the node must be asked for a snapshot. Until it comes, the members stay.
 *
 * A member with a new name has left and joined: `left` has the object with which it joined before,
 * and `joined` has another object.
 */
export class RemoteMembers {
  readonly #members = new Map<string, PresentMember>();
  /** The number of the newest delta that is included; undefined if unknown. */
  #n: number | undefined;
  /** The first parts of a snapshot. */
  #parts: { readonly n: number; count: number; readonly members: PresentMember[] } | undefined;

  get isKnown(): boolean {
    return this.#n !== undefined;
  }

  /** The objects that have joined, and have not left. */
  get members(): readonly PresentMember[] {
    return [...this.#members.values()];
  }

  /** Makes the state unknown. */
  doubt(): void {
    this.#n = undefined;
    this.#parts = undefined;
  }

  /** Applies a delta. Returns the change; undefined if the state is unknown after it. */
  applyDelta({ n, joined, left }: Delta): MemberChange | undefined {
    if (this.#n === undefined) return undefined;
    if (n !== this.#n + 1 || this.#members.size + joined.length > MAX_MEMBERS) {
      this.doubt();
      return undefined;
    }
    this.#n = n;
    return this.#change(new Set(left), byId(joined));
  }

  /** Applies a part of a snapshot. Returns the change; undefined if it was not the last part. */
  applyPart({ n, part, isLast, members }: SnapshotPart): MemberChange | undefined {
    if (part === 0) this.#parts = { n, count: 0, members: [] };
    const parts = this.#parts;
    if (!parts || parts.n !== n || parts.count !== part) return this.#refuseParts();
    if (parts.members.length + members.length > MAX_MEMBERS) return this.#refuseParts();
    parts.count++;
    for (const member of members) parts.members.push(member);
    if (!isLast) return undefined;
    this.#parts = undefined;
    this.#n = n;
    const present = byId(parts.members);
    return this.#change(new Set(this.#members.keys()).difference(present), present);
  }

  #change(
    leftIds: ReadonlySet<string>,
    present: ReadonlyMap<string, PresentMember>,
  ): MemberChange {
    const left: PresentMember[] = [];
    const joined: PresentMember[] = [];
    for (const id of leftIds) {
      const member = this.#members.get(id);
      if (!member) continue;
      this.#members.delete(id);
      left.push(member);
    }
    for (const member of present.values()) {
      const before = this.#members.get(member.id);
      if (before?.name === member.name) continue;
      if (before) left.push(before);
      this.#members.set(member.id, member);
      joined.push(member);
    }
    return { left, joined };
  }

  #refuseParts(): undefined {
    this.#parts = undefined;
  }
}

function byId(members: readonly PresentMember[]): Map<string, PresentMember> {
  return new Map(members.map((member) => [member.id, member]));
}
