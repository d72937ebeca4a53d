import type { SharedRoom } from "../../chat/backplane.ts";
import type { PresentMember } from "../../chat/presence.ts";

/**
 * The maximum length of a list in a payload, in UTF-16 code units. Each takes at most 3 bytes of
 * UTF-8. With two lists, a payload is below 512 KiB.
 */
const MAX_LIST_LENGTH = 80_000;

/** The maximum size of a payload that is parsed. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** The maximum length of an id or a name, in UTF-16 code units. */
export const MAX_TEXT_LENGTH = 256;

/** A message of a node to all nodes, without the id of the node. */
export type OwnMessage =
  /** A heartbeat. `beat` counts the heartbeats of the node. */
  | { readonly type: "here"; readonly beat: number }
  /** The node ends. */
  | { readonly type: "bye" }
  /** Asks a node, or all, for its members in a room, or in all rooms. */
  | { readonly type: "ask"; readonly to?: string; readonly room?: string }
  | RoomsRequest;

/**
 * Asks all nodes for their first rooms with members whose names are after a name, in the order of
 * their UTF-8.
 */
export interface RoomsRequest {
  readonly type: "rooms";
  /** Counts the requests of the node. */
  readonly request: number;
  readonly after: string;
  readonly limit: number;
}

/** A message of a node to all nodes. */
export type NodeMessage = OwnMessage & { readonly node: string };

/** A change of the members of a room at a node. */
export interface Delta {
  readonly node: string;
  /** Counts the deltas of the node in the room. */
  readonly n: number;
  /** Members that have joined, or have a new name. */
  readonly joined: readonly PresentMember[];
  /** The ids of the members that have left. */
  readonly left: readonly string[];
}

/** The members of a room at a node. */
export interface Snapshot {
  readonly room: string;
  /** The number of the newest delta that it includes; 0 if there was none. */
  readonly n: number;
  readonly members: Iterable<PresentMember>;
}

/** A part of a snapshot. The parts come in order, with nothing between them. */
export interface SnapshotPart extends Snapshot {
  /** The index of the part. */
  readonly part: number;
  readonly isLast: boolean;
  readonly members: readonly PresentMember[];
}

/** Snapshots of one node. */
export interface Answer {
  readonly node: string;
  readonly snapshots: readonly SnapshotPart[];
  /** Whether this is the last part of the answer about all rooms. */
  readonly isEnd: boolean;
}

/** A part of a node's answer to a {@linkcode RoomsRequest}. The parts come in order. */
export interface RoomsPart {
  readonly node: string;
  readonly request: number;
  /** In the order of their UTF-8, with their members at the node. */
  readonly rooms: readonly SharedRoom[];
  readonly isLast: boolean;
}

/**
 * Encodes a change as deltas.
 *
 * @param n The number of the first one.
 */
export function encodeDeltas(
  { node, n, joined, left }: Omit<Delta, "left"> & { readonly left: readonly PresentMember[] },
): string[] {
  const joinedParts = [...joinInParts(joined.values().map(pairOf))];
  const leftParts = [...joinInParts(left.values().map(({ id }) => JSON.stringify(id)))];
  return Array.from({ length: Math.max(joinedParts.length, leftParts.length) }, (_, index) => {
    const [joinedList, leftList] = [joinedParts[index] ?? "", leftParts[index] ?? ""];
    const start = `{"node":${JSON.stringify(node)},"n":${n + index}`;
    return `${start},"joined":[${joinedList}],"left":[${leftList}]}`;
  });
}

/**
 * Encodes snapshots as answers. One answer has many small snapshots, or a part of a large one.
 *
 * @param isAll Whether these are all rooms of the node. Then there is at least one answer.
 */
export function* encodeAnswers(
  { node, snapshots, isAll }: {
    readonly node: string;
    readonly snapshots: Iterable<Snapshot>;
    readonly isAll: boolean;
  },
): Generator<string> {
  const start = `{"node":${JSON.stringify(node)},"snapshots":[`;
  let last = "";
  for (const list of joinInParts(snapshotTexts(snapshots))) {
    if (last) yield `${start}${last}],"end":false}`;
    last = list;
  }
  if (last || isAll) yield `${start}${last}],"end":${isAll}}`;
}

/** Encodes the answer to a {@linkcode RoomsRequest}: at least one part. */
export function encodeRooms({ node, request, rooms }: Omit<RoomsPart, "isLast">): string[] {
  const pairs = rooms.values().map(({ room, memberCount }) => JSON.stringify([room, memberCount]));
  const lists = [...joinInParts(pairs)];
  if (lists.length === 0) lists.push("");
  const start = `{"node":${JSON.stringify(node)},"request":${request}`;
  return lists.map((list, index) =>
    `${start},"rooms":[${list}],"last":${index === lists.length - 1}}`
  );
}

/** Decodes a message to all nodes. Returns undefined if it is malformed. */
export function decodeNodeMessage(payload: Uint8Array): NodeMessage | undefined {
  const { type, node, beat, to, room, request, after, limit } = parse(payload);
  if (!isNodeId(node)) return undefined;
  if (type === "here") return isCount(beat) ? { type, node, beat } : undefined;
  if (type === "bye") return { type, node };
  if (type === "rooms") {
    return isCount(request) && (after === "" || isText(after)) && isCount(limit)
      ? { type, node, request, after, limit }
      : undefined;
  }
  if (type !== "ask" || !(to === undefined || isNodeId(to))) return undefined;
  if (!(room === undefined || isText(room))) return undefined;
  return { type, node, ...(to !== undefined && { to }), ...(room !== undefined && { room }) };
}

/** Decodes a delta or an answer. Returns undefined if it is malformed. */
export function decodePresence(payload: Uint8Array): Delta | Answer | RoomsPart | undefined {
  const { node, n, joined, left, snapshots, end, request, rooms, last } = parse(payload);
  if (!isNodeId(node)) return undefined;
  if (rooms !== undefined) {
    const shared = roomsOf(rooms);
    return isCount(request) && typeof last === "boolean" && shared
      ? { node, request, rooms: shared, isLast: last }
      : undefined;
  }
  if (snapshots === undefined) {
    const members = membersOf(joined);
    if (!isCount(n) || !members || !Array.isArray(left) || !left.every(isText)) return undefined;
    return { node, n, joined: members, left };
  }
  if (!Array.isArray(snapshots) || typeof end !== "boolean") return undefined;
  const parts = snapshots.map(partOf);
  return parts.every((part) => part !== undefined)
    ? { node, snapshots: parts, isEnd: end }
    : undefined;
}

/** Whether a text can be the id of a node: it is a token of a subject. */
function isNodeId(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]{1,64}$/.test(value);
}

/** The parts of snapshots, as JSON. */
function* snapshotTexts(snapshots: Iterable<Snapshot>): Generator<string> {
  for (const { room, n, members } of snapshots) {
    const lists = [...joinInParts(Iterator.from(members).map(pairOf))];
    const start = `{"room":${JSON.stringify(room)},"n":${n}`;
    for (let part = 0; part < Math.max(lists.length, 1); part++) {
      const isLast = part + 1 >= lists.length;
      yield `${start},"part":${part},"last":${isLast},"members":[${lists[part] ?? ""}]}`;
    }
  }
}

function pairOf({ id, name }: PresentMember): string {
  return JSON.stringify([id, name]);
}

/** Joins texts with commas to lists that are short enough. A longer text is a list of its own. */
function* joinInParts(texts: Iterable<string>): Generator<string> {
  let list = "";
  for (const text of texts) {
    if (list && list.length + text.length > MAX_LIST_LENGTH) {
      yield list;
      list = "";
    }
    list += list ? `,${text}` : text;
  }
  if (list) yield list;
}

/** Parses a JSON object. Returns an empty object if the payload is not one. */
function parse(payload: Uint8Array): Record<string, unknown> {
  if (payload.length > MAX_PAYLOAD_BYTES) return {};
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    return value instanceof Object ? value : {};
  } catch {
    return {};
  }
}

function partOf(value: unknown): SnapshotPart | undefined {
  if (!(value instanceof Object)) return undefined;
  const { room, n, part, last, members } = value as Record<string, unknown>;
  const present = membersOf(members);
  return isText(room) && isCount(n) && isCount(part) && typeof last === "boolean" && present
    ? { room, n, part, isLast: last, members: present }
    : undefined;
}

function membersOf(value: unknown): PresentMember[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const members: PresentMember[] = [];
  for (const pair of value) {
    if (!Array.isArray(pair)) return undefined;
    const [id, name] = pair;
    if (!isText(id) || !(name === null || isText(name))) return undefined;
    members.push({ id, name });
  }
  return members;
}

function roomsOf(value: unknown): SharedRoom[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const rooms: SharedRoom[] = [];
  for (const pair of value) {
    if (!Array.isArray(pair)) return undefined;
    const [room, memberCount] = pair;
    if (!isText(room) || !room.isWellFormed() || !isCount(memberCount)) return undefined;
    rooms.push({ room, memberCount });
  }
  return rooms;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_TEXT_LENGTH;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
