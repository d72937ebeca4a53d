import { assertEquals } from "@std/assert";
import { ChatCounters } from "../../../lib/chat/counters.ts";
import { RateLimit, type RateRules, rateRules } from "../../../lib/chat/members/rate_limit.ts";

const CONFIG = { messageRate: 2, byteRate: 2000, rateBurstMs: 1000, maxMessageBytes: 1000 };

function hitsOf(): ChatCounters["limits"] {
  return new ChatCounters(() => 0).limits;
}

/** Rules on a clock that the test sets. */
function rulesOf(ratePolicy: RateRules["policy"]): RateRules & { nowMs: number } {
  const clock = { nowMs: 0 };
  const parts = { hits: hitsOf(), now: () => clock.nowMs };
  return Object.assign(clock, rateRules({ ...CONFIG, ratePolicy }, parts)!);
}

Deno.test("rateRules() returns undefined without a rate", () => {
  const none = { ...CONFIG, messageRate: 0, byteRate: 0, ratePolicy: "pace" } as const;
  assertEquals(rateRules(none, { hits: hitsOf(), now: () => 0 }), undefined);
});

Deno.test("rateRules() lets the longest message fit in a full bucket", () => {
  const low = { ...CONFIG, messageRate: 0, byteRate: 10, ratePolicy: "close" } as const;
  const rules = rateRules(low, { hits: hitsOf(), now: () => 0 })!;
  assertEquals([rules.messages, rules.bytes?.capacity], [undefined, 1000]);
});

Deno.test("RateLimit closes a member with the message that exceeds a rate", () => {
  const rules = rulesOf("close");
  const many = new RateLimit(rules);
  assertEquals([1, 2, 3].map(() => many.refuses(1)), [false, false, true]);
  const large = new RateLimit(rules);
  assertEquals([large.refuses(1000), large.refuses(1001)], [false, true]);
  assertEquals([rules.hits.messages, rules.hits.bytes, large.pauseMs()], [1, 1, 0]);
});

Deno.test("RateLimit pauses a member until its debt is paid off", () => {
  const rules = rulesOf("pace");
  const many = new RateLimit(rules);
  assertEquals([1, 2].map(() => many.refuses(1)), [false, false]);
  assertEquals([many.pauseMs(), rules.hits.messages], [0, 0]);
  assertEquals([1, 2, 3].map(() => many.refuses(1)), [false, false, false]);
  assertEquals([many.pauseMs(), rules.hits.messages], [1500, 1]);
  rules.nowMs = 1500;
  assertEquals([many.refuses(1), many.pauseMs()], [false, 500]);
  const large = new RateLimit(rules);
  large.refuses(2500);
  assertEquals([large.pauseMs(), rules.hits.bytes], [250, 1]);
});
