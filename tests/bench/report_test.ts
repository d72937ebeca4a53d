import { assertEquals, assertStringIncludes } from "@std/assert";
import { dotChart, short } from "./chart.ts";
import { type Recorded, tableOf } from "./report.ts";
import { COMPARISONS, type Result } from "./scenarios.ts";
import { statisticOf } from "./statistics.ts";

Deno.test("statisticOf() returns the median, the minimum, and the maximum", () => {
  assertEquals(statisticOf([3, undefined, 1, 2]), { median: 2, min: 1, max: 3 });
  assertEquals(statisticOf([4, 1]), { median: 2.5, min: 1, max: 4 });
  assertEquals(statisticOf([undefined]), undefined);
});

Deno.test("short() formats two or three digits", () => {
  const cases = [[0, "0"], [0.01234, "0.012"], [7.26, "7.3"], [74.26, "74.3"], [1234, "1234"]];
  for (const [value, expected] of [...cases, [12_345, "12.3 k"], [85_421_033, "85.4 M"]]) {
    assertEquals(short(value as number), expected);
  }
});

Deno.test("tableOf() has a row for each server, and a dash for one that failed", () => {
  const [scenario] = COMPARISONS;
  const run = (contender: string, result?: Partial<Result>): Recorded => ({
    round: 0,
    scenario: scenario!.name,
    contender,
    result: result as Result | undefined,
  });
  const table = tableOf([
    run("b", { deliveriesPerSecond: 2_000_000 }),
    run("b", { deliveriesPerSecond: 1_000_000 }),
    run("b", { deliveriesPerSecond: 4_000_000 }),
    run("a"),
  ], scenario!);
  assertStringIncludes(table, "| a (failed 1 times) | – |");
  assertStringIncludes(table, "| b | 2 M (1 M – 4 M) |");
});

Deno.test("dotChart() draws a dot for each value, in order of size, and escapes texts", () => {
  const values = [{ label: "<a>", value: 10 }, { label: "b", value: 1000 }];
  const svg = dotChart({ title: "T", unit: "u", series: [{ name: "x", values }] });
  const places = [...svg.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
  assertEquals(places.length, 2);
  assertEquals(places[0]! < places[1]!, true);
  assertStringIncludes(svg, "&lt;a>");
});
