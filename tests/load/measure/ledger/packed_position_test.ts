import { assert, assertEquals } from "@std/assert";
import {
  formatPacked,
  isSameEpoch,
  packPosition,
} from "../../../../lib/load/measure/ledger/packed_position.ts";

const [A, B] = ["0123456789abcdef", "fedcba9876543210"];

Deno.test("packPosition() distinguishes positions, and orders those of one epoch", () => {
  const [one, two, other] = [`${A}-1`, `${A}-4000000000`, `${B}-1`].map(packPosition);
  assertEquals(packPosition(`${A}-1`), one);
  assert(one! < two! && Number.isSafeInteger(two));
  assert(one !== other);
  assertEquals([isSameEpoch(one!, two!), isSameEpoch(one!, other!)], [true, false]);
});

for (const position of ["", "-", "x", `${A}-`, `${A}-x`, "-5"]) {
  Deno.test(`packPosition() makes a number above 0 of ${position || "an empty position"}`, () => {
    assert(packPosition(position) > 0 && Number.isSafeInteger(packPosition(position)));
  });
}

Deno.test("formatPacked() names the position if it knows the epoch", () => {
  assertEquals(formatPacked(packPosition(`${B}-12`), [A, B]), `${B}-12`);
  assertEquals(formatPacked(packPosition(`${B}-12`), [A]), "?-12");
});
