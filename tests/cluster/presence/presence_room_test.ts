import { assertEquals } from "@std/assert";
import { PresenceRoom } from "../../../lib/cluster/presence/presence_room.ts";

const ANN = { id: "1", name: "Ann" };

Deno.test("PresenceRoom is open when each node has answered, has none here, or is gone", async () => {
  const room = new PresenceRoom("x", "self", listenerOf([]));
  let isOpen = false;
  const opened = room.opened.then(() => isOpen = true);
  for (const node of ["a", "b", "c"]) room.expect(node);
  for (
    const answer of [
      () => room.applyPart("a", partOf(0, false)),
      () => room.applyPart("a", partOf(1, true)),
      () => room.endAnswers("b"),
      () => room.remove("c"),
    ]
  ) {
    await Promise.resolve();
    assertEquals(isOpen, false);
    answer();
  }
  await opened;
});

Deno.test("PresenceRoom tells all members first, then changes with the next numbers", () => {
  const room = new PresenceRoom("x", "self", listenerOf([ANN]));
  assertEquals(room.snapshot.n, 0);
  const bob = { id: "2", name: null };
  const snapshot = { room: "x", n: 1, part: 0, last: true, members: [["1", "Ann"], ["2", null]] };
  assertEquals(room.tellChange([bob], []).map((text) => JSON.parse(text)), [
    { node: "self", snapshots: [snapshot], end: false },
  ]);
  assertEquals(room.tellChange([], [bob]).map((text) => JSON.parse(text)), [
    { node: "self", n: 2, joined: [], left: ["2"] },
  ]);
  assertEquals(room.tellChange([], []), []);
  assertEquals(room.snapshot.n, 2);
});

Deno.test("PresenceRoom asks once for what it has missed", () => {
  const room = new PresenceRoom("x", "self", listenerOf([]));
  const delta = (n: number) => room.applyDelta({ node: "a", n, joined: [ANN], left: [] });
  assertEquals([delta(3), delta(4), [...room.unknown]], [false, true, ["a"]]);
  room.applyPart("a", { ...partOf(0, true), n: 4 });
  assertEquals([delta(5), delta(7), delta(8), [...room.unknown]], [true, false, true, ["a"]]);
});

function listenerOf(localMembers: { readonly id: string; readonly name: string }[]) {
  return {
    localMembers,
    localMemberCount: localMembers.length,
    onJoined: () => {},
    onLeft: () => {},
  };
}

function partOf(part: number, isLast: boolean) {
  return { room: "x", n: 1, part, isLast, members: [] };
}
