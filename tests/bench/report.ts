import { dotChart, short } from "./chart.ts";
import { ratioTable } from "./ratios.ts";
import type { Result, Scenario } from "./scenarios.ts";
import { statisticOf } from "./statistics.ts";

/** The result of one run. */
export interface Recorded {
  readonly round: number;
  readonly scenario: string;
  readonly contender: string;
  /** Undefined if the server failed. */
  readonly result: Result | undefined;
}

/** The other content of the report. */
export interface ReportOptions {
  readonly rounds: number;
  readonly scenarios: readonly Scenario[];
  readonly versions: Readonly<Record<string, string>>;
  /** The directory for the files. If it is empty, none are written. */
  readonly out: string;
}

/** The columns of the table, by kind of scenario. */
const COLUMNS: Readonly<Record<Scenario["kind"], readonly (readonly [string, keyof Result])[]>> = {
  burst: [
    ["deliveries/s", "deliveriesPerSecond"],
    ["server CPU, µs per delivery", "serverCpuUsPerDelivery"],
    ["kernel share", "serverKernelShare"],
    ["driver CPU", "driverCpu"],
    ["memory growth, MiB", "grownMb"],
    ["missing", "missing"],
    ["lost", "lost"],
    ["out of order", "outOfOrder"],
    ["foreign", "foreign"],
  ],
  "open loop": [
    ["p50, ms", "p50Ms"],
    ["p99, ms", "p99Ms"],
    ["max, ms", "maxMs"],
    ["server CPU, cores", "serverCpu"],
    ["server CPU, µs per delivery", "serverCpuUsPerDelivery"],
    ["driver CPU", "driverCpu"],
    ["memory growth, MiB", "grownMb"],
    ["missing", "missing"],
    ["lost", "lost"],
    ["out of order", "outOfOrder"],
    ["foreign", "foreign"],
    ["readers ended", "endedReaders"],
    ["stalled readers ended", "endedStalled"],
  ],
  idle: [
    ["KiB per connection", "kbPerConnection"],
    ["connections/s", "connectsPerSecond"],
    ["all connected, ms", "connectMs"],
  ],
};

/** Prints the tables. If there is a directory, writes them, results.json, and the charts there. */
export async function report(recorded: readonly Recorded[], options: ReportOptions): Promise<void> {
  const { scenarios, out } = options;
  const figures = figuresOf(recorded, options);
  console.log(figures);
  if (out === "") return;
  await Deno.writeTextFile(`${out}/figures.md`, figures);
  await Deno.writeTextFile(`${out}/results.json`, JSON.stringify({ ...options, recorded }) + "\n");
  for (const [name, picture] of picturesOf(recorded, scenarios)) {
    await Deno.writeTextFile(`${out}/${name}.svg`, picture);
  }
}

/** Returns all tables, as Markdown. */
function figuresOf(
  recorded: readonly Recorded[],
  { rounds, scenarios, versions }: ReportOptions,
): string {
  const peers = Object.entries(versions).map((each) => each.join(" ")).join(", ");
  return [
    "# Figures",
    "",
    `The output of \`deno task bench\`, ${rounds} rounds, with ${peers}. The figures are medians,`,
    "with the minimum and the maximum in parentheses. [README.md](README.md) explains them.",
    "",
    "## Chorus and Bun",
    "",
    "The last column is the ratio of the medians, with the extreme ratios of a round.",
    "",
    ratioTable(recorded, scenarios),
    "## All servers",
    "",
    ...scenarios.map((scenario) => tableOf(recorded, scenario)),
  ].join("\n");
}

/** Returns the table of one scenario: a row per server with medians, minima, and maxima. */
export function tableOf(recorded: readonly Recorded[], { name, kind }: Scenario): string {
  const columns = COLUMNS[kind];
  const lines = [
    `### ${name}`,
    "",
    `| | ${columns.map(([title]) => title).join(" | ")} |`,
    `| --- | ${columns.map(() => "--:").join(" | ")} |`,
  ];
  for (const contender of contendersIn(recorded, name)) {
    const cells = columns.map(([, key]) => cellOf(recorded, name, contender, key));
    const failed = recorded.filter((each) =>
      each.scenario === name && each.contender === contender && !each.result
    ).length;
    const note = failed > 0 ? ` (failed ${failed} times)` : "";
    lines.push(`| ${contender}${note} | ${cells.join(" | ")} |`);
  }
  return [...lines, ""].join("\n");
}

function contendersIn(recorded: readonly Recorded[], scenario: string): readonly string[] {
  const names = recorded.filter((each) => each.scenario === scenario)
    .map(({ contender }) => contender);
  return [...new Set(names)].sort();
}

function medianOf(
  recorded: readonly Recorded[],
  scenario: string,
  contender: string,
  key: keyof Result,
) {
  return statisticOf(
    recorded.filter((each) => each.scenario === scenario && each.contender === contender)
      .map(({ result }) => result?.[key] as number | undefined),
  );
}

function cellOf(...args: Parameters<typeof medianOf>): string {
  const statistic = medianOf(...args);
  if (!statistic) return "–";
  const { median, min, max } = statistic;
  return min === max ? short(median) : `${short(median)} (${short(min)} – ${short(max)})`;
}

/** Returns the name and the SVG of each chart. A chart without scenarios is left out. */
export function picturesOf(
  recorded: readonly Recorded[],
  scenarios: readonly Scenario[],
): readonly (readonly [string, string])[] {
  const named = (text: string) => scenarios.filter(({ name }) => name.includes(text));
  const chart = (
    file: string,
    title: string,
    unit: string,
    of: readonly Scenario[],
    key: keyof Result,
  ) => {
    const contenders = [...new Set(of.flatMap(({ name }) => contendersIn(recorded, name)))].sort();
    const isOne = of.length === 1;
    const valueOf = (scenario: string, contender: string) =>
      medianOf(recorded, scenario, contender, key)?.median ?? 0;
    // For one scenario each server is a row. For several, each scenario is a row and each server a
    // color.
    const series = isOne
      ? [{
        name: "",
        values: contenders.map((label) => ({ label, value: valueOf(of[0]!.name, label) })),
      }]
      : contenders.map((name) => ({
        name,
        values: of.map(({ name: label }) => ({ label, value: valueOf(label, name) })),
      }));
    return of.length === 0 ? [] : [[file, dotChart({ title, unit, series })] as const];
  };
  return [
    ...chart(
      "burst",
      "Burst, 32 clients",
      "deliveries/s",
      named("burst 32 x 100"),
      "deliveriesPerSecond",
    ),
    ...chart(
      "latency",
      "Open loop, 500 clients: p99",
      "ms",
      named("open loop").filter(({ rooms }) => rooms === 1),
      "p99Ms",
    ),
    ...chart(
      "idle",
      "10,000 idle connections",
      "KiB per connection",
      named("idle"),
      "kbPerConnection",
    ),
    ...chart(
      "clients",
      "Cost by clients",
      "CPU µs per delivery",
      named(" clients").filter(({ kind, batch }) => kind === "burst" && batch === 100),
      "serverCpuUsPerDelivery",
    ),
    ...chart(
      "sizes",
      "Cost by message size",
      "CPU µs per delivery",
      named(" bytes"),
      "serverCpuUsPerDelivery",
    ),
    ...chart(
      "rooms",
      "Cost with many rooms, 1,000 clients",
      "CPU µs per delivery",
      named(" rooms"),
      "serverCpuUsPerDelivery",
    ),
  ];
}
