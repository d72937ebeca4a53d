import { assertEquals } from "@std/assert";
import { Gaps } from "../../../../lib/load/measure/ledger/gaps.ts";
import { seededRandom } from "../../../../lib/load/seeded_random.ts";

Deno.test("Gaps.take() takes each sequence number of each range once, and no other", () => {
  const random = seededRandom(1);
  const gaps = new Gaps();
  const left = new Set<number>();
  for (let from = 0; from < 200; from += 2 + Math.floor(random() * 10)) {
    const until = from + 1 + Math.floor(random() * 5);
    gaps.add(from, until);
    for (; from < until; from++) left.add(from);
  }
  for (let round = 0; round < 3000; round++) {
    const seq = Math.floor(random() * 220);
    assertEquals(gaps.take(seq), left.delete(seq));
  }
  assertEquals(left.size, 0);
});

Deno.test("Gaps remembers the latest ranges if there are too many", () => {
  const gaps = new Gaps();
  for (let from = 0; from < 20_000; from += 2) gaps.add(from, from + 1);
  assertEquals([gaps.take(0), gaps.take(19_997), gaps.take(19_998)], [false, false, true]);
  assertEquals(gaps.take(19_998 - 2 * 1000), true);
});
