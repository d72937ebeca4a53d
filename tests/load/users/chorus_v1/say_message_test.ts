import { assertEquals, assertStringIncludes } from "@std/assert";
import { SayMessage } from "../../../../lib/load/users/chorus_v1/say_message.ts";

Deno.test("SayMessage.encode() makes valid JSON of any text, and the same twice", () => {
  const say = new SayMessage('He said "{name}" \\ \n{marker} ü', 100);
  const parts = { id: 1, name: 'Ann "\\', seq: 8, epochMs: 0 };
  const marker = { run: 5, sender: 3, seq: 7, plannedUs: 1, lateUs: 2 };
  const bytes = say.encode(parts, marker);
  assertEquals(say.encode(parts, marker), bytes);
  const { text, ...rest } = JSON.parse(new TextDecoder().decode(bytes));
  assertEquals(rest, { type: "say", id: "5-3-7" });
  assertStringIncludes(text, 'He said "Ann "\\" \\ \n~');
});
