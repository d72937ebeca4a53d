import { assertEquals } from "@std/assert";
import { ChatCounters } from "../../lib/chat/counters.ts";

Deno.test("ChatCounters.isBatchTimed() is true for the first batch and every 17th after it", () => {
  const counters = new ChatCounters(() => 0);
  const timed = Array.from({ length: 40 }, (_, index) => counters.isBatchTimed() ? index : -1);
  assertEquals(timed.filter((index) => index >= 0), [0, 17, 34]);
});
