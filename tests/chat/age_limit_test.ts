import { assertEquals } from "@std/assert";
import { AgeLimit } from "../../lib/chat/age_limit.ts";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** An age limit and its clocks, which start at 100 hours since 1970. */
class TestLimit {
  readonly jumps: number[] = [];
  #wallMs = 100 * HOUR;
  #monotonicMs = 5;
  readonly limit: AgeLimit;

  constructor(historyAgeMs: number) {
    this.limit = new AgeLimit({
      historyAgeMs,
      readMs: () => this.#wallMs,
      monotonicMs: () => this.#monotonicMs,
      onJump: (jumpMs) => this.jumps.push(jumpMs),
    });
  }

  /** Lets time pass; meanwhile, the system clock also jumps. Returns both limits, in hours. */
  pass(ms: number, jumpMs = 0): [served: number, deletable: number] {
    this.#monotonicMs += ms;
    this.#wallMs += ms + jumpMs;
    const { limit: { range, deletableRange } } = this;
    return [range.fromMs / HOUR, deletableRange.fromMs / HOUR];
  }
}

Deno.test("AgeLimit follows a steady clock, and allows to delete after an hour", () => {
  const test = new TestLimit(24 * HOUR);
  assertEquals(test.pass(0), [76, 0]);
  assertEquals(test.pass(HOUR / 2), [76.5, 0]);
  assertEquals(test.pass(HOUR / 2), [77, 77]);
  assertEquals(test.pass(100 * HOUR), [177, 177]);
  assertEquals(test.jumps, []);
});

Deno.test("AgeLimit allows to delete after the limit itself if that is less than an hour", () => {
  const test = new TestLimit(HOUR / 4);
  assertEquals(test.pass(HOUR / 8), [99.875, 0]);
  assertEquals(test.pass(HOUR / 8), [100, 100]);
});

Deno.test("AgeLimit ignores a jump ahead that ends within an hour, and deletes nothing meanwhile", () => {
  const test = new TestLimit(HOUR);
  assertEquals(test.pass(2 * HOUR), [101, 101]);
  assertEquals(test.pass(0, 2 * HOUR), [101, 0]);
  assertEquals(test.pass(HOUR / 2), [101.5, 0]);
  assertEquals(test.pass(0, -2 * HOUR), [101.5, 0]);
  assertEquals(test.pass(HOUR), [102.5, 102.5]);
  assertEquals(test.jumps, [2 * HOUR, -2 * HOUR]);
});

Deno.test("AgeLimit follows a clock that stays ahead for an hour, and reports the jump once", () => {
  const test = new TestLimit(24 * HOUR);
  test.pass(2 * HOUR);
  assertEquals(test.pass(0, 10 * HOUR), [78, 0]);
  assertEquals(test.pass(HOUR - 1), [79 - 1 / HOUR, 0]);
  assertEquals(test.pass(1), [89, 89]);
  assertEquals(test.jumps, [10 * HOUR]);
});

Deno.test("AgeLimit follows a jump back at once, and deletes nothing for an hour", () => {
  const test = new TestLimit(HOUR);
  test.pass(2 * HOUR);
  assertEquals(test.pass(0, -50 * HOUR), [51, 0]);
  assertEquals(test.pass(HOUR), [52, 52]);
  assertEquals(test.jumps, [-50 * HOUR]);
});

Deno.test("AgeLimit waits for an hour after the last of several jumps", () => {
  const test = new TestLimit(24 * HOUR);
  test.pass(2 * HOUR);
  test.pass(0, HOUR);
  assertEquals(test.pass(HOUR / 2, HOUR), [78.5, 0]);
  assertEquals(test.pass(HOUR / 2), [79, 0]);
  assertEquals(test.pass(HOUR / 2), [81.5, 81.5]);
});

Deno.test("AgeLimit takes clocks that part slowly, or by seconds, for steady", () => {
  const test = new TestLimit(24 * HOUR);
  test.pass(HOUR);
  for (let count = 0; count < 360; count++) test.pass(10 * SECOND, 1);
  test.pass(0, 5 * SECOND);
  assertEquals(test.pass(0, -5 * SECOND), [78 + 0.0001, 78 + 0.0001]);
  assertEquals(test.jumps, []);
});

Deno.test("AgeLimit of 0 is no limit, and reports no jumps", () => {
  const test = new TestLimit(0);
  assertEquals(test.pass(10 * HOUR, 10 * HOUR), [0, 0]);
  assertEquals([test.limit.range, test.limit.deletableRange], [ANY_AGE, ANY_AGE]);
  assertEquals(test.jumps, []);
});

Deno.test("AgeLimit takes messages for fresh up to ten seconds after the time that it trusts", () => {
  const test = new TestLimit(24 * HOUR);
  const nowHours = (ms: number, jumpMs = 0) => {
    test.pass(ms, jumpMs);
    return (test.limit.range.nowMs - 10 * SECOND) / HOUR;
  };
  assertEquals([nowHours(0), nowHours(2 * HOUR)], [100, 102]);
  assertEquals(test.limit.deletableRange, test.limit.range);
  assertEquals([nowHours(0, 10 * HOUR), nowHours(HOUR / 2)], [102, 102.5]);
  assertEquals(test.limit.deletableRange, ANY_AGE);
  assertEquals([nowHours(HOUR / 2), nowHours(0, -50 * HOUR)], [113, 63]);
});
