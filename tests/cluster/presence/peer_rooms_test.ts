import { assertEquals } from "@std/assert";
import { PeerRooms } from "../../../lib/cluster/presence/peer_rooms.ts";

/** A part of what a node tells. Each room has one member there. */
function part(node: string, rooms: readonly string[], isLast = true) {
  const counted = rooms.map((room) => ({ room, memberCount: 1 }));
  return { node, request: 1, rooms: counted, isLast };
}

function namesOf({ first }: PeerRooms): string[] {
  return first.map(({ room }) => room);
}

Deno.test("PeerRooms adds what the nodes tell, and cuts at the limit", () => {
  const rooms = new PeerRooms("", 3);
  rooms.receive(part("x", ["b", "d", "e"]));
  rooms.receive(part("y", ["a", "d", "f"]));
  assertEquals(rooms.first, [
    { room: "a", memberCount: 1 },
    { room: "b", memberCount: 1 },
    { room: "d", memberCount: 2 },
  ]);
});

Deno.test("PeerRooms counts a room of a node once, and none before the page", () => {
  const rooms = new PeerRooms("b", 9);
  rooms.receive(part("x", ["a", "b", "c", "c"], false));
  rooms.receive(part("x", ["c", "d", "bb"]));
  assertEquals(rooms.first, [{ room: "c", memberCount: 1 }, { room: "d", memberCount: 1 }]);
});

Deno.test("PeerRooms has answers when all nodes have told their last part, or are gone", async () => {
  const rooms = new PeerRooms("", 9);
  let isAnswered = false;
  rooms.answered.then(() => isAnswered = true);
  rooms.waitFor(["x", "y"]);
  rooms.receive(part("x", ["a"], false));
  rooms.receive(part("z", ["c"]));
  rooms.stopWaiting("y");
  await Promise.resolve();
  assertEquals(isAnswered, false);
  rooms.receive(part("x", ["b"]));
  await rooms.answered;
  assertEquals(namesOf(rooms), ["a", "b", "c"]);
  const alone = new PeerRooms("", 9);
  alone.waitFor([]);
  await alone.answered;
});

Deno.test("PeerRooms finds the same rooms as a sort of all, in whatever order they come", () => {
  const limit = 5;
  const nodes = Array.from({ length: 20 }, (_, node) => {
    const names = Array.from({ length: 30 }, (_, index) => `${(node * 7 + index * 13) % 97}`);
    return [...new Set(names)].sort().slice(0, limit);
  });
  const rooms = new PeerRooms("", limit);
  for (const [node, names] of nodes.entries()) {
    rooms.receive(part(`${node}`, names.slice(0, 2), false));
    rooms.receive(part(`${node}`, names.slice(2)));
  }
  const expected = [...new Set(nodes.flat())].sort().slice(0, limit);
  assertEquals(
    rooms.first,
    expected.map((room) => {
      const memberCount = nodes.filter((names) => names.includes(room)).length;
      return { room, memberCount };
    }),
  );
});
