import { assertEquals, assertStringIncludes } from "@std/assert";
import { dotChart, short } from "./chart.ts";
import { picturesOf, type Recorded, tableOf } from "./report.ts";
import { ratioTable } from "./ratios.ts";
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

function recorded(scenario: string, contender: string, result?: Partial<Result>): Recorded {
  return { round: 0, scenario, contender, result: result as Result | undefined };
}

Deno.test("tableOf() has a row for each server, and a dash for one that failed", () => {
  const [scenario] = COMPARISONS;
  const { name } = scenario!;
  const table = tableOf([
    recorded(name, "b", { deliveriesPerSecond: 2_000_000 }),
    recorded(name, "b", { deliveriesPerSecond: 1_000_000 }),
    recorded(name, "b", { deliveriesPerSecond: 4_000_000 }),
    recorded(name, "a"),
  ], scenario!);
  assertStringIncludes(table, "| a (failed 1 times) | – |");
  assertStringIncludes(table, "| b | 2 M (1 M – 4 M) |");
});

Deno.test("tableOf() has the CPU time of a delivery in an open loop", () => {
  const scenario = COMPARISONS.find(({ kind }) => kind === "open loop")!;
  const result = { serverCpu: 0.5, serverCpuUsPerDelivery: 12.5, driverCpu: 0.25 };
  const table = tableOf([recorded(scenario.name, "a", result)], scenario);
  const titles = "| server CPU, cores | server CPU, µs per delivery | driver CPU |";
  assertStringIncludes(table, titles);
  assertStringIncludes(table, "| 0.5 | 12.5 | 0.25 |");
});

Deno.test("tableOf() has the time in which all clients connect", () => {
  const scenario = COMPARISONS.find(({ name }) => name === "5,000 at once")!;
  const result = { kbPerConnection: 7.5, connectsPerSecond: 10_000, connectMs: 500 };
  const table = tableOf([recorded(scenario.name, "a", result)], scenario);
  assertStringIncludes(table, "| KiB per connection | connections/s | all connected, ms |");
  assertStringIncludes(table, "| a | 7.5 | 10 k | 500 |");
});

Deno.test("picturesOf() has the scenarios with rooms in a chart of their own", () => {
  const result = { serverCpuUsPerDelivery: 1, p99Ms: 2 };
  const runs = COMPARISONS.map(({ name }) => recorded(name, "a", result));
  const pictures = new Map(picturesOf(runs, COMPARISONS));
  const dotCount = (name: string) => pictures.get(name)!.match(/<circle/g)!.length;
  assertEquals([dotCount("rooms"), dotCount("latency")], [4, 3]);
});

Deno.test("dotChart() draws a dot for each value, in order of size, and escapes texts", () => {
  const values = [{ label: "<a>", value: 10 }, { label: "b", value: 1000 }];
  const svg = dotChart({ title: "T", unit: "u", series: [{ name: "x", values }] });
  const places = [...svg.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
  assertEquals(places.length, 2);
  assertEquals(places[0]! < places[1]!, true);
  assertStringIncludes(svg, "&lt;a>");
});

Deno.test("ratioTable() has the ratio of the medians and of each round", () => {
  const scenario = COMPARISONS.find(({ kind }) => kind === "burst")!;
  const runs = [[20, 10], [30, 20], [10, 10]].flatMap(([ours, theirs], round) => [
    { ...recorded(scenario.name, "Chorus", { deliveriesPerSecond: ours! }), round },
    { ...recorded(scenario.name, "Bun publish", { deliveriesPerSecond: theirs! }), round },
  ]);
  const row = `| ${scenario.name} | deliveries/s | 20 | 10 | 2.00 (1.00 – 2.00) |`;
  assertStringIncludes(ratioTable(runs, [scenario]), row);
});

Deno.test("ratioTable() leaves out scenarios that only one server ran", () => {
  const [scenario] = COMPARISONS;
  const table = ratioTable([recorded(scenario!.name, "Chorus", { deliveriesPerSecond: 1 })], [
    scenario!,
  ]);
  assertEquals(table.includes(scenario!.name), false);
});
