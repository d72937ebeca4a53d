import { short } from "./chart.ts";
import type { Recorded } from "./report.ts";
import type { Result, Scenario } from "./scenarios.ts";
import { statisticOf } from "./statistics.ts";

/** The two servers that are compared. */
const ONE = "Chorus", OTHER = "Bun publish";

/** What is compared, by kind of scenario. */
const MEASURES: Readonly<Record<Scenario["kind"], readonly (readonly [string, keyof Result])[]>> = {
  burst: [["deliveries/s", "deliveriesPerSecond"]],
  "open loop": [
    ["p50, ms", "p50Ms"],
    ["p99, ms", "p99Ms"],
    ["server CPU, µs per delivery", "serverCpuUsPerDelivery"],
  ],
  idle: [["KiB per connection", "kbPerConnection"], ["connections/s", "connectsPerSecond"]],
};

/**
 * Returns a table of Chorus and Bun: medians, and the ratio of the medians. The numbers in
 * parentheses are the smallest and the largest ratio of a round.
 */
export function ratioTable(
  recorded: readonly Recorded[],
  scenarios: readonly Scenario[],
): string {
  const rows = scenarios.flatMap(({ name, kind }) =>
    MEASURES[kind].flatMap(([measure, key]) => {
      const values = (contender: string) =>
        recorded.filter((each) => each.scenario === name && each.contender === contender)
          .toSorted((one, other) => one.round - other.round)
          .map(({ result }) => result?.[key] as number | undefined);
      const [ours, theirs] = [values(ONE), values(OTHER)];
      const [one, other] = [statisticOf(ours), statisticOf(theirs)];
      const ratios = statisticOf(ours.map((value, round) => value! / theirs[round]!));
      if (!one || !other || !ratios) return [];
      const ratio = `${ratioOf(one.median, other.median)} (${ratioOf(ratios.min)} – ` +
        `${ratioOf(ratios.max)})`;
      return [
        `| ${name} | ${measure} | ${short(one.median)} | ${short(other.median)} | ${ratio} |`,
      ];
    })
  );
  return [
    `| Scenario | What | ${ONE} | ${OTHER} | times Bun |`,
    "| --- | --- | --: | --: | --: |",
    ...rows,
    "",
  ].join("\n");
}

function ratioOf(value: number, divisor = 1): string {
  return (value / divisor).toFixed(2);
}
