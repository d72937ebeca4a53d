/** A member as the order sees it. */
export interface RoomMember {
  readonly room: object;
}

/**
 * Sorts members in the order in which to close them: every room loses its members evenly from the
 * first to the last step. Room by room, whole conversations would end one after another, the next
 * server would get one large room at a time, and each room would have its reconnects in one burst.
 *
 * The members of a room keep their order, and are spread at equal distances. Where the first one
 * stands is random. Otherwise all rooms of one member would come first.
 *
 * @param random Returns a number from 0 up to 1, such as `Math.random`.
 */
export function closingOrder<T extends RoomMember>(
  members: Iterable<T>,
  random: () => number,
): readonly T[] {
  const rooms = Map.groupBy(members, ({ room }) => room);
  const ranked = [...rooms.values()].flatMap((inRoom) => {
    const shift = random();
    return inRoom.map((member, index) => ({ member, rank: (index + shift) / inRoom.length }));
  });
  return ranked.sort((one, other) => one.rank - other.rank).map(({ member }) => member);
}
