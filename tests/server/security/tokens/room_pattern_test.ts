import { assert, assertEquals } from "@std/assert";
import { anyOf, parseRoomPattern } from "../../../../lib/server/security/tokens/room_pattern.ts";

const CASES: readonly [pattern: string, room: string, matches: boolean][] = [
  ["tea", "tea", true],
  ["tea", "team-1", false],
  ["team-*", "team-1", true],
  ["team-*", "team-", true],
  ["team-*", "team", false],
  ["team-*", "steam-1", false],
  ["*", "any", true],
  // The server knows rooms by their normalized name.
  ["cafe\u0301", "caf\u00e9", true],
  ["cafe\u0301-*", "caf\u00e9-1", true],
];

for (const [pattern, room, matches] of CASES) {
  Deno.test(`parseRoomPattern("${pattern}") ${matches ? "matches" : "does not match"} ${room}`, () => {
    assertEquals(parseRoomPattern(pattern)!(room), matches);
  });
}

Deno.test("parseRoomPattern() refuses what can match no room, and a star elsewhere", () => {
  for (const text of ["", "a room", "te*a", "**", "*-team", ".", "\u200b"]) {
    assertEquals(parseRoomPattern(text), undefined, text);
  }
});

Deno.test("anyOf() matches what one of the patterns matches", () => {
  const either = anyOf([parseRoomPattern("tea")!, parseRoomPattern("team-*")!]);
  assert(either("tea") && either("team-1"));
  assert(!either("coffee") && !anyOf([])("tea"));
});
