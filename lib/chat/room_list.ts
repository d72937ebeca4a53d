import type { Backplane } from "./backplane.ts";
import { compareUtf8 } from "./compare_utf8.ts";
import { formatPosition } from "./history/position.ts";
import type { Room } from "./room.ts";

/** A room as it is found. */
export interface ListedRoom {
  readonly name: string;
  /** The number of members in all processes. */
  readonly memberCount: number;
  /** The position after the newest message; undefined if it must be read from the stream. */
  readonly position?: string | undefined;
}

/** A room as the API lists it. */
export type LocatedRoom = ListedRoom & { readonly position: string };

/** Which rooms to list. */
interface ListRange {
  /** The names come after this one, in the order of their UTF-8. */
  readonly after: string;
  /** The maximum number of rooms. */
  readonly limit: number;
}

/**
 * Lists the rooms in memory together with others: the first ones that are stored, or have members
 * in other processes. The member counts of the others are those of other processes.
 */
export function listRooms(
  inMemory: ReadonlyMap<string, Room>,
  others: readonly ListedRoom[],
  { after, limit }: ListRange,
): ListedRoom[] {
  const found = new Map(others.map((other) => [other.name, other]));
  const used = inMemory.values().filter(({ isUsed }) => isUsed).map(({ name }) => name);
  const later = [...used, ...found.keys()].filter((name) => compareUtf8(name, after) > 0);
  const names = [...new Set(later)].sort(compareUtf8).slice(0, limit);
  return names.map((name) => {
    const room = inMemory.get(name);
    const other = found.get(name);
    // An open room knows its members in all processes.
    const memberCount = room?.isOpen
      ? room.presence.size
      : (room?.size ?? 0) + (other?.memberCount ?? 0);
    const position = room?.isOpen && room.isUsed ? room.position : other?.position;
    return { name, memberCount, position };
  });
}

/**
 * Reads the positions that are missing from the stream. Leaves out rooms that have neither members
 * nor messages.
 *
 * @throws {HistoryUnavailableError} If the stream cannot be read.
 */
export async function locateRooms(
  rooms: readonly ListedRoom[],
  backplane: Pick<Backplane, "heads" | "epoch"> | undefined,
): Promise<LocatedRoom[]> {
  const missing = rooms.filter(({ position }) => position === undefined).map(({ name }) => name);
  const heads = backplane && missing.length > 0 ? await backplane.heads(missing) : [];
  const byName = new Map(missing.map((name, index) => [name, heads[index]!]));
  const located: LocatedRoom[] = [];
  for (const { name, memberCount, position } of rooms) {
    if (position !== undefined) {
      located.push({ name, memberCount, position });
      continue;
    }
    const { seq, hasMessages } = byName.get(name)!;
    if (memberCount === 0 && !hasMessages) continue;
    located.push({ name, memberCount, position: formatPosition({ epoch: backplane!.epoch, seq }) });
  }
  return located;
}
