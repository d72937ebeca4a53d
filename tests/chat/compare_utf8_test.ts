import { assertEquals } from "@std/assert";
import { compareUtf8, indexAfter } from "../../lib/chat/compare_utf8.ts";

/** In the order of their UTF-8. `Ａ` is U+FF21: in UTF-16 it is after the surrogates of `𝔸`. */
const SORTED = ["a", "aa", "b", "é", "Ａ", "𝔸", "𝔸a", "𝔸𝔹"];

Deno.test("compareUtf8 has the order of UTF-8", () => {
  assertEquals(SORTED.toReversed().sort(compareUtf8), SORTED);
});

Deno.test("indexAfter finds the first text after another one, whether it is there or not", () => {
  for (const text of ["", "0", "a\0", "c", "Ａa", "𝔹", ...SORTED]) {
    const expected = SORTED.filter((each) => compareUtf8(each, text) <= 0).length;
    assertEquals(indexAfter(SORTED, text), expected, text);
  }
  assertEquals(indexAfter([], "a"), 0);
});
