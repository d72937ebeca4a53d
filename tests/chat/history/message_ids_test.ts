import { assertEquals } from "@std/assert";
import { MessageIds } from "../../../lib/chat/history/message_ids.ts";

const ANN = { id: "a", name: "Ann" };
const BOB = { id: "b", name: null };
const ANONYMOUS = { id: null, name: "a script" };

Deno.test("MessageIds.seqOf() finds the message of an author, whatever the name", () => {
  const ids = new MessageIds();
  ids.add(ANN, "x", 3);
  ids.add(ANONYMOUS, "x", 7);
  ids.add(ANN, "y", 8);
  assertEquals(ids.seqOf({ ...ANN, name: "Annie" }, "x"), 3);
  assertEquals(ids.seqOf({ ...ANONYMOUS, name: null }, "x"), 7);
  assertEquals([ids.seqOf(BOB, "x"), ids.seqOf(ANN, "z")], [undefined, undefined]);
});

Deno.test("MessageIds.forget() forgets the ids of messages up to a sequence number", () => {
  const ids = new MessageIds();
  for (const seq of [3, 7, 8, 4096]) ids.add(ANN, `${seq}`, seq);
  ids.forget(2);
  assertEquals(ids.seqOf(ANN, "3"), 3);
  ids.forget(7);
  assertEquals([3, 7, 8, 4096].map((seq) => ids.seqOf(ANN, `${seq}`)), [
    ...[undefined, undefined],
    ...[8, 4096],
  ]);
  ids.forget(Infinity);
  assertEquals(ids.seqOf(ANN, "4096"), undefined);
});

Deno.test("MessageIds has the newest message if an id that was forgotten is used again", () => {
  const ids = new MessageIds();
  ids.add(ANN, "x", 3);
  ids.forget(3);
  ids.add(ANN, "x", 9);
  assertEquals(ids.seqOf(ANN, "x"), 9);
});
