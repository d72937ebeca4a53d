import { assertEquals } from "@std/assert";
import { parseRoomName } from "../../lib/chat/names.ts";

for (
  const name of [
    "lobby",
    "a",
    "Küche",
    "茶室",
    "🫖",
    "a/b?c=d&e#f%20",
    "x".repeat(128),
    "🫖".repeat(128),
  ]
) {
  Deno.test(`parseRoomName() accepts ${name.slice(0, 20)}, of ${[...name].length} characters`, () => {
    assertEquals(parseRoomName(name), name);
  });
}

for (
  const [why, name] of [
    ["an empty name", ""],
    ["129 characters", "x".repeat(129)],
    ["a space", "tea room"],
    ["a line break", "tea\nroom"],
    ["a control character", "tea\x00"],
    ["a zero-width character", "tea\u200b"],
    ["a replacement character", "tea\ufffd"],
    ["a mark without a letter", "\u0301"],
    ["a combining grapheme joiner", "tea\u034f"],
    ["a blank letter", "\u3164"],
    ["a blank symbol", "\u2800"],
    ['the path segment "."', "."],
    ['the path segment ".."', ".."],
    ["an unpaired surrogate", "tea\ud83e"],
    ["a private use character", "tea\ue000"],
  ] as const
) {
  Deno.test(`parseRoomName() rejects ${why}`, () => {
    assertEquals(parseRoomName(name), undefined);
  });
}

Deno.test("parseRoomName() normalizes two encodings of a letter to one", () => {
  assertEquals(parseRoomName("Ku\u0308che"), "K\u00fcche");
});
