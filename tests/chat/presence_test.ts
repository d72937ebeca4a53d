import { assertEquals } from "@std/assert";
import { Presence, presenceDelayMs } from "../../lib/chat/presence.ts";

const UNCHANGED = { joined: [], left: [] };

function author(id: string, name = `name of ${id}`) {
  return { id, name };
}

Deno.test("Presence.takeChanges() reports joins and leaves once", () => {
  const presence = new Presence();
  const [a, b, c] = [author("a"), author("b"), author("c")];
  presence.add(a);
  presence.add(b);
  assertEquals(presence.list(), [a, b]);
  assertEquals(presence.takeChanges(), { joined: [a, b], left: [] });
  presence.remove(a);
  presence.add(c);
  assertEquals(presence.takeChanges(), { joined: [c], left: [a] });
  assertEquals(presence.takeChanges(), UNCHANGED);
});

Deno.test("Presence.takeChanges() omits members that joined and left again, or left and returned", () => {
  const presence = new Presence();
  const [stays, visits] = [author("stays"), author("visits")];
  presence.add(stays);
  presence.takeChanges();
  presence.add(visits);
  presence.remove(visits);
  presence.remove(stays);
  presence.add(author("stays"));
  assertEquals(presence.takeChanges(), UNCHANGED);
  assertEquals(presence.size, 1);
});

Deno.test("Presence counts a member with two connections once, until the last one leaves", () => {
  const presence = new Presence();
  const [one, other] = [author("a"), author("a")];
  presence.add(one);
  presence.takeChanges();
  presence.add(other);
  presence.remove(one);
  assertEquals([presence.size, presence.takeChanges()], [1, UNCHANGED]);
  presence.remove(other);
  presence.remove(other);
  assertEquals([presence.size, presence.takeChanges().left], [0, [other]]);
});

Deno.test("Presence has the name of a member's newest connection, and reports each change of it as a join", () => {
  const presence = new Presence();
  const [ann, bea, cat] = [author("a", "Ann"), author("a", "Bea"), author("a", "Cat")];
  presence.add(ann);
  presence.takeChanges();
  presence.add(bea);
  assertEquals([presence.list(), presence.size], [[bea], 1]);
  assertEquals(presence.takeChanges(), { joined: [bea], left: [] });
  presence.add(cat);
  presence.remove(bea);
  assertEquals(presence.takeChanges(), { joined: [cat], left: [] });
  // The oldest connection is the only one that is left.
  presence.remove(cat);
  assertEquals(presence.list(), [ann]);
  assertEquals(presence.takeChanges(), { joined: [ann], left: [] });
});

Deno.test("Presence.takeChanges() reports only the last of several names", () => {
  const presence = new Presence();
  const [ann, bea, cat] = [author("a", "Ann"), author("a", "Bea"), author("a", "Cat")];
  presence.add(ann);
  presence.add(bea);
  assertEquals(presence.takeChanges(), { joined: [bea], left: [] });
  presence.add(cat);
  presence.remove(cat);
  assertEquals(presence.takeChanges(), UNCHANGED);
  presence.remove(ann);
  presence.remove(bea);
  presence.add(cat);
  assertEquals(presence.takeChanges(), { joined: [cat], left: [] });
  presence.add(ann);
  presence.remove(ann);
  presence.remove(cat);
  assertEquals(presence.takeChanges(), { joined: [], left: [cat] });
  presence.add(ann);
  presence.add(bea);
  presence.remove(bea);
  presence.remove(ann);
  assertEquals(presence.takeChanges(), UNCHANGED);
});

Deno.test("Presence tells a member without a name from an absent one", () => {
  const presence = new Presence();
  const nameless = { id: "a", name: null };
  presence.add(nameless);
  assertEquals(presence.takeChanges().joined, [nameless]);
  presence.add(author("a", "Ann"));
  assertEquals(presence.takeChanges().joined, [author("a", "Ann")]);
  const again = { id: "a", name: null };
  presence.add(again);
  assertEquals(presence.takeChanges().joined, [again]);
});

Deno.test("Presence lists the first hundred members and counts all", () => {
  const presence = new Presence();
  for (let id = 0; id < 1000; id++) presence.add(author(`${id}`));
  assertEquals([presence.list().length, presence.size], [100, 1000]);
});

Deno.test("Presence.takeChanges() reports whose list entry is no longer true", () => {
  const presence = new Presence();
  const [ann, bea, visits] = [author("a", "Ann"), author("a", "Bea"), author("b")];
  presence.add(visits);
  assertEquals(presence.list(), [visits]);
  presence.remove(visits);
  presence.add(ann);
  assertEquals(presence.takeChanges(), { joined: [ann], left: [visits] });
  // Somebody is welcomed while she is away.
  presence.remove(ann);
  assertEquals(presence.list(), []);
  presence.add(ann);
  assertEquals(presence.takeChanges(), { joined: [ann], left: [] });
  // Somebody is welcomed while she has another name.
  presence.add(bea);
  assertEquals(presence.list(), [bea]);
  presence.remove(bea);
  assertEquals(presence.takeChanges(), { joined: [ann], left: [] });
});

Deno.test("Presence.takeChanges() omits changes that no list has shown", () => {
  const presence = new Presence();
  const [ann, resumed, visits] = [author("a"), author("a"), author("b")];
  presence.add(ann);
  presence.takeChanges();
  presence.list();
  presence.add(visits);
  presence.remove(visits);
  presence.add(resumed);
  presence.list();
  presence.remove(ann);
  presence.remove(resumed);
  presence.add(resumed);
  presence.list();
  assertEquals(presence.takeChanges(), UNCHANGED);
});

Deno.test("presenceDelayMs() grows with the number of members, up to a second", () => {
  const delays = [0, 1, 250, 255, 2000, 5000, 1_000_000].map(presenceDelayMs);
  assertEquals(delays, [50, 50, 50, 51, 400, 1000, 1000]);
});
