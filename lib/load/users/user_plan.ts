import type { ClientConfig } from "../config.ts";
import type { RoomPlan } from "../measure/ledger/room_plan.ts";
import type { SenderPlan } from "../measure/ledger/text_check.ts";
import type { Target } from "./connection/connect.ts";
import { type RoleFlags, rolesOf } from "./roles.ts";
import type { UserLine } from "./users_file.ts";

/** Who a user is, and what it does. */
export interface UserPlan {
  /** Counts the users from 1. */
  readonly id: number;
  /** The value of `{name}` in messages. */
  readonly name: string;
  /** The index of its room. */
  readonly room: number;
  /** Its index as a sender; -1 if it only listens. The senders of a room have consecutive ones. */
  readonly sender: number;
  /** How it receives messages. */
  readonly via: "websocket" | "events";
  /** Whether it reads nothing, or slowly, until all messages are sent. */
  readonly isSlow: boolean;
  /** The URL to connect to, with the room and the name. */
  readonly url: string;
  /** The headers of its handshake. */
  readonly headers: Readonly<Record<string, string>>;
}

/** All users of a run, by id, and their rooms. */
export interface RunPlan {
  readonly users: readonly UserPlan[];
  readonly rooms: readonly RoomPlan[];
  /** The users that send, by their indexes as senders. */
  readonly senders: readonly SenderPlan[];
}

/** What the flags tell of the users. */
type UserFlags = Pick<ClientConfig, keyof RoleFlags | "room" | "rooms">;

/**
 * Plans the users that the flags ask for.
 *
 * The users with the lowest ids send, and those with the highest are slow. Those of `--sse` come
 * before the slow ones. With `--rooms` the users take turns over the rooms.
 *
 * @param lines The users of `--users`; without that file, none.
 */
export function planUsers(
  flags: UserFlags,
  target: Pick<Target, "url" | "headers">,
  lines: readonly UserLine[],
): RunPlan {
  const { count } = flags;
  const { senderCount, eventCount, slowCount } = rolesOf(flags);
  const roomNames = Array.from({ length: count }, (_, at) => roomOf(at, flags, lines[at]));
  const rooms = planRooms(roomNames.slice(0, senderCount), roomNames);
  const indexes = new Map(rooms.map(({ name }, index) => [name, index]));
  const nextSenders = rooms.map(({ firstSender }) => firstSender);
  const urlOf = createUrlOf(target.url);
  const users = roomNames.map((roomName, at): UserPlan => {
    const line = lines[at] ?? {};
    const id = at + 1;
    const room = indexes.get(roomName)!;
    return {
      id,
      name: line.name ?? `Client ${id}`,
      room,
      sender: id <= senderCount ? nextSenders[room]!++ : -1,
      via: id > count - slowCount - eventCount && id <= count - slowCount ? "events" : "websocket",
      isSlow: id > count - slowCount,
      url: urlOf(roomName, line.name),
      headers: headersOf(target.headers, line),
    };
  });
  const senders: SenderPlan[] = [];
  for (const { id, name, sender, room } of users) {
    if (sender >= 0) senders[sender] = { id, name, room: rooms[room]!.name };
  }
  return { users, rooms, senders };
}

/** The name of a user's room; empty if the server chooses it. */
function roomOf(
  at: number,
  { room, rooms }: UserFlags,
  line: UserLine | undefined,
): string {
  if (line?.room !== undefined) return line.room;
  return rooms > 0 ? `${room || "room"}-${at % rooms + 1}` : room;
}

/** The rooms in the order of their first users, and which senders each has. */
function planRooms(ofSenders: readonly string[], ofUsers: readonly string[]): readonly RoomPlan[] {
  const senderCounts = new Map(ofUsers.map((name) => [name, 0]));
  for (const name of ofSenders) senderCounts.set(name, senderCounts.get(name)! + 1);
  let firstSender = 0;
  return Array.from(senderCounts, ([name, senderCount]) => {
    const room = { name, firstSender, senderCount };
    firstSender += senderCount;
    return room;
  });
}

/** Adds the room and the name to a URL. Users of a room share one text, unless they have names. */
function createUrlOf(target: string): (room: string, name: string | undefined) => string {
  const byRoom = new Map<string, string>();
  return (room, name) => {
    const known = name === undefined ? byRoom.get(room) : undefined;
    if (known !== undefined) return known;
    const url = new URL(target);
    if (room !== "") url.searchParams.set("room", room);
    if (name !== undefined) url.searchParams.set("name", name);
    else byRoom.set(room, url.href);
    return url.href;
  };
}

function headersOf(
  shared: Readonly<Record<string, string>>,
  { token, headers }: UserLine,
): Readonly<Record<string, string>> {
  if (token === undefined && headers === undefined) return shared;
  return {
    ...shared,
    ...headers,
    ...token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}
