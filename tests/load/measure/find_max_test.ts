import { assertEquals } from "@std/assert";
import { searchMaxRate } from "../../../lib/load/measure/find_max.ts";

for (
  const [firstRate, limit, maxRate, tried] of [
    [100, 1000, 1000, [100, 200, 400, 800, 1600, 1200, 1000, 1100, 1050]],
    [100, 10, 10, [100, 50, 25, 12, 6, 9, 11, 10]],
    [100, 0, 0, [100, 50, 25, 12, 6, 3, 1]],
    [1, 1, 1, [1, 2]],
    [400_000, Infinity, 1_000_000, [400_000, 800_000, 1_000_000]],
  ] as const
) {
  Deno.test(`searchMaxRate() from ${firstRate} tries ${tried} if rates up to ${limit} pass`, async () => {
    const rates: number[] = [];
    const found = await searchMaxRate(firstRate, (rate) => {
      rates.push(rate);
      return Promise.resolve(rate <= limit);
    });
    assertEquals([found, rates], [maxRate, [...tried]]);
  });
}

Deno.test("searchMaxRate() ends when a trial returns undefined", async () => {
  const rates: number[] = [];
  const found = await searchMaxRate(1, (rate) => {
    rates.push(rate);
    return Promise.resolve(rates.length <= 2 ? true : undefined);
  });
  assertEquals([found, rates], [2, [1, 2, 4]]);
});
