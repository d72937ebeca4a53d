import { assertEquals } from "@std/assert";
import { Presence } from "../../lib/chat/presence.ts";

const NO_CHANGE = { members: [], count: 0 };

function author(id: string) {
  return { id, name: `name of ${id}` };
}

Deno.test("Presence.takeChanges() reports joins and leaves once", () => {
  const presence = new Presence();
  for (const id of ["a", "b"]) presence.add(id, author(id));
  assertEquals(presence.members, [author("a"), author("b")]);
  assertEquals(presence.takeChanges(), {
    joined: { members: [author("a"), author("b")], count: 2 },
    left: NO_CHANGE,
  });
  presence.remove("a");
  presence.add("c", author("c"));
  assertEquals(presence.takeChanges(), {
    joined: { members: [author("c")], count: 1 },
    left: { members: [author("a")], count: 1 },
  });
  assertEquals(presence.takeChanges(), { joined: NO_CHANGE, left: NO_CHANGE });
});

Deno.test("Presence.takeChanges() omits members that joined and left again, or left and returned", () => {
  const presence = new Presence();
  presence.add("stays", author("stays"));
  presence.takeChanges();
  presence.add("visits", author("visits"));
  presence.remove("visits");
  presence.remove("stays");
  presence.add("stays", author("stays"));
  assertEquals(presence.takeChanges(), { joined: NO_CHANGE, left: NO_CHANGE });
  assertEquals(presence.size, 1);
});

Deno.test("Presence counts a member with two connections once, until the last one leaves", () => {
  const presence = new Presence();
  presence.add("a", author("a"));
  presence.add("a", author("a"));
  presence.remove("a");
  assertEquals([presence.size, presence.takeChanges().left], [1, NO_CHANGE]);
  presence.remove("a");
  presence.remove("a");
  assertEquals([presence.size, presence.takeChanges().left.count], [0, 1]);
});

Deno.test("Presence lists the first hundred members and counts all", () => {
  const presence = new Presence();
  for (let id = 0; id < 1000; id++) presence.add(`${id}`, author(`${id}`));
  const { joined } = presence.takeChanges();
  assertEquals([presence.members.length, presence.size], [100, 1000]);
  assertEquals([joined.members.length, joined.count], [100, 1000]);
});
