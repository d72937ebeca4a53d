import { assertEquals } from "@std/assert";
import { chooseStormUsers, parseStorm } from "../../../lib/load/users/storm_plan.ts";
import { seededRandom } from "../../../lib/load/seeded_random.ts";

for (
  const [text, count, atMs] of [
    ["50%@10s", 5, 10_000],
    ["100%@0", 9, 0],
    ["1%@1.5s", 1, 1500],
    ["200@250ms", 9, 250],
    ["3@1m", 3, 60_000],
  ] as const
) {
  Deno.test(`parseStorm() reads ${text}`, () => {
    const plan = parseStorm(text)!;
    assertEquals([plan.countOf(9), plan.atMs], [count, atMs]);
  });
}

for (
  const text of ["", "50%", "@1s", "0@1s", "0%@1s", "101%@1s", "-1@1s", "5@1", "1.5%@1s", "5@"]
) {
  Deno.test(`parseStorm() rejects ${JSON.stringify(text)}`, () => {
    assertEquals(parseStorm(text), undefined);
  });
}

Deno.test("chooseStormUsers() chooses different users, all with a WebSocket, the same for a seed", () => {
  const users = Array.from({ length: 10 }, (_, at) => ({
    id: at + 1,
    isSlow: at >= 9,
    via: at === 8 ? "events" as const : "websocket" as const,
  }));
  const choose = (text: string) => chooseStormUsers(users, parseStorm(text)!, seededRandom(5));
  assertEquals(choose("50%@1s").length, 4);
  assertEquals(choose("4@1s"), choose("50%@1s"));
  assertEquals(choose("100%@1s").toSorted((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8]);
});
