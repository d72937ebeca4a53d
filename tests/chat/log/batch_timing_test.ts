import { assertEquals } from "@std/assert";
import { ChatCounters } from "../../../lib/chat/counters.ts";
import { BatchTiming } from "../../../lib/chat/log/batch_timing.ts";
import { countOf } from "../count_of.ts";

Deno.test("BatchTiming times a sweep, and the time from the first message to its end", () => {
  let nowMs = 1000;
  const counters = new ChatCounters(() => nowMs);
  const timing = new BatchTiming(counters, 7);
  nowMs = 1500;
  // The sweep before may end meanwhile.
  assertEquals(timing.end(), false);
  timing.start(10);
  nowMs = 1750;
  assertEquals(timing.end(), true);
  const { sweepSeconds, publishSeconds, batchMessages } = counters;
  assertEquals([sweepSeconds.sum, publishSeconds.sum, batchMessages.sum], [0.25, 0.75, 4]);
  assertEquals([sweepSeconds, publishSeconds, batchMessages].map(countOf), [1, 1, 1]);
});
