import { assertEquals } from "@std/assert";
import { Histogram } from "../../lib/chat/histogram.ts";

Deno.test("Histogram counts a value in the first bucket whose bound it does not exceed", () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0, 1, 1.5, 10, 10.5, 1000]) histogram.observe(value);
  assertEquals([...histogram.counts], [2, 2, 2]);
  assertEquals(histogram.sum, 1023);
});
