import { assertEquals } from "@std/assert";
import { parseRoomName } from "../../lib/chat/room_name.ts";

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
  Deno.test(`parseRoomName() takes ${name.slice(0, 20)}, of ${[...name].length} characters`, () => {
    assertEquals(parseRoomName(name), name);
  });
}

for (
  const [why, name] of [
    ["nothing", ""],
    ["129 characters", "x".repeat(129)],
    ["a space", "tea room"],
    ["a line break", "tea\nroom"],
    ["a control character", "tea\x00"],
    ["a character of no width", "tea\u200b"],
    ["what stands for bytes that are no UTF-8", "tea\ufffd"],
    ["a mark without a letter", "\u0301"],
    ["a mark that joins nothing", "tea\u034f"],
    ["a blank letter", "\u3164"],
    ["a blank symbol", "\u2800"],
    ["this folder", "."],
    ["the folder above", ".."],
    ["a half of a pair", "tea\ud83e"],
    ["a character for private use", "tea\ue000"],
  ] as const
) {
  Deno.test(`parseRoomName() refuses ${why}`, () => {
    assertEquals(parseRoomName(name), undefined);
  });
}

Deno.test("parseRoomName() makes one of two ways to write a letter", () => {
  assertEquals(parseRoomName("Ku\u0308che"), "K\u00fcche");
});
