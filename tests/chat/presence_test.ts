import { assertEquals } from "@std/assert";
import { Presence } from "../../lib/chat/presence.ts";

const NOBODY = { members: [], total: 0 };

function author(id: string) {
  return { id, name: `name of ${id}` };
}

Deno.test("Presence tells who has come and gone, once", () => {
  const presence = new Presence();
  for (const id of ["a", "b"]) presence.add(id, author(id));
  assertEquals(presence.members, [author("a"), author("b")]);
  assertEquals(presence.takeChanges(), {
    joined: { members: [author("a"), author("b")], total: 2 },
    left: NOBODY,
  });
  presence.remove("a");
  presence.add("c", author("c"));
  assertEquals(presence.takeChanges(), {
    joined: { members: [author("c")], total: 1 },
    left: { members: [author("a")], total: 1 },
  });
  assertEquals(presence.takeChanges(), { joined: NOBODY, left: NOBODY });
});

Deno.test("Presence does not tell of who has come and gone again, or gone and come back", () => {
  const presence = new Presence();
  presence.add("stays", author("stays"));
  presence.takeChanges();
  presence.add("visits", author("visits"));
  presence.remove("visits");
  presence.remove("stays");
  presence.add("stays", author("stays"));
  assertEquals(presence.takeChanges(), { joined: NOBODY, left: NOBODY });
  assertEquals(presence.size, 1);
});

Deno.test("Presence counts who is there twice once, until the last connection has gone", () => {
  const presence = new Presence();
  presence.add("a", author("a"));
  presence.add("a", author("a"));
  presence.remove("a");
  assertEquals([presence.size, presence.takeChanges().left], [1, NOBODY]);
  presence.remove("a");
  presence.remove("a");
  assertEquals([presence.size, presence.takeChanges().left.total], [0, 1]);
});

Deno.test("Presence lists a hundred, and counts all", () => {
  const presence = new Presence();
  for (let id = 0; id < 1000; id++) presence.add(`${id}`, author(`${id}`));
  const { joined } = presence.takeChanges();
  assertEquals([presence.members.length, presence.size], [100, 1000]);
  assertEquals([joined.members.length, joined.total], [100, 1000]);
});
