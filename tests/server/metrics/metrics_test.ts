import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BackplaneCounters } from "../../../lib/chat/backplane.ts";
import { ChatCounters } from "../../../lib/chat/counters.ts";
import { Histogram } from "../../../lib/chat/histogram.ts";
import { Metrics } from "../../../lib/server/metrics/metrics.ts";
import { ServerCounters } from "../../../lib/server/metrics/server_counters.ts";
import { isPromtoolMissing, promtool } from "./promtool.ts";

const SERVER = new URL("../../../lib/server/", import.meta.url);

const LIMITS = { maxConnections: 100, maxRooms: 10, maxLogBytes: 1000, memoryLimit: 0 };

/** The metrics of a server that has just started, and what they read. */
function testMetrics(limits: Partial<typeof LIMITS> = {}) {
  const counters = new ChatCounters(() => 0);
  const loopLagSeconds = new Histogram([0.1, 1]);
  const rooms = { size: 0, logBytes: 0, maxLagBytes: 0 };
  const output = { droppedCount: 0 };
  const backplane = { counters: new BackplaneCounters(), outage: undefined as string | undefined };
  const metrics = new Metrics({
    config: { engine: "direct", ...LIMITS, ...limits },
    chat: { counters, rooms },
    counters: new ServerCounters(counters.limits),
    output,
    backplane,
  }, loopLagSeconds);
  return { backplane, metrics, counters, loopLagSeconds, rooms, output };
}

/** The names and types of all metrics. */
async function metricTypes(): Promise<ReadonlyMap<string, string>> {
  const text = await testMetrics().metrics.scrape();
  return new Map(
    Array.from(text.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name, type]) => [name!, type!]),
  );
}

/** The metrics that a text names. The series of a histogram count as one. */
function metricsIn(text: string): string[] {
  const names = text.match(/\b(chorus|process)_[a-z_]+\b/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, "")))].sort();
}

Deno.test("Metrics reads its values at each scrape", async () => {
  const { metrics, counters, rooms, output, backplane } = testMetrics();
  await metrics.scrape();
  Object.assign(counters.members, { plain: 7, "chorus.v1": 3, events: 2 });
  counters.deliveries = 10;
  await metrics.scrape();
  counters.deliveries = 12;
  rooms.maxLagBytes = 99;
  rooms.size = 3;
  output.droppedCount = 4;
  counters.limits.rooms = 6;
  backplane.counters.resends = 8;
  backplane.outage = "the connection is lost";
  const lines = (await metrics.scrape()).split("\n");
  for (
    const line of [
      'chorus_connections{engine="direct",format="plain"} 7',
      'chorus_connections{engine="direct",format="chorus.v1"} 3',
      'chorus_connections{engine="direct",format="events"} 2',
      "chorus_deliveries_total 12",
      "chorus_slowest_reader_lag_bytes 99",
      "chorus_rooms 3",
      "chorus_log_lines_dropped_total 4",
      'chorus_limit_hits_total{limit="rooms"} 6',
      "chorus_backplane_redeliveries_total 8",
      "chorus_backplane_outage 1",
    ]
  ) assert(lines.includes(line), line);
});

Deno.test("Metrics writes the limits; a disabled one is infinite", async () => {
  const linesOf = async (limits: Partial<typeof LIMITS>) =>
    (await testMetrics(limits).metrics.scrape()).match(/^chorus_max_.*$/gm);
  assertEquals(await linesOf({}), [
    "chorus_max_connections 100",
    "chorus_max_rooms 10",
    "chorus_max_log_bytes 1000",
  ]);
  assertEquals(await linesOf({ maxConnections: 0, maxRooms: 0, memoryLimit: 800 }), [
    "chorus_max_connections +Inf",
    "chorus_max_rooms +Inf",
    "chorus_max_log_bytes 400",
  ]);
});

Deno.test("Metrics writes histograms with cumulative buckets", async () => {
  const { metrics, loopLagSeconds } = testMetrics();
  for (const value of [0.05, 0.5, 0.5, 2]) loopLagSeconds.observe(value);
  assertStringIncludes(
    await metrics.scrape(),
    [
      "# TYPE chorus_event_loop_lag_seconds histogram",
      'chorus_event_loop_lag_seconds_bucket{le="0.1"} 1',
      'chorus_event_loop_lag_seconds_bucket{le="1"} 3',
      'chorus_event_loop_lag_seconds_bucket{le="+Inf"} 4',
      "chorus_event_loop_lag_seconds_sum 3.05",
      "chorus_event_loop_lag_seconds_count 4",
    ].join("\n"),
  );
});

Deno.test("the manual has a table of all metrics, with their types", async () => {
  const manual = await Deno.readTextFile(new URL("README.md", SERVER));
  const rows = manual.matchAll(/^\| `((?:chorus|process)_\w+)` +\| (\w+) /gm);
  const listed = Array.from(rows, ([, name, type]) => [name, type]);
  assertEquals(listed.sort(), [...await metricTypes()].sort());
});

Deno.test("the manual names the values of all labels", async () => {
  const manual = await Deno.readTextFile(new URL("README.md", SERVER));
  const [section] = manual.match(/^## Metrics\n[^]*?(?=^## )/m)!;
  const text = await testMetrics().metrics.scrape();
  const labels = text.matchAll(/\b(format|source|outcome|limit|reason)="([^"]+)"/g);
  const values = new Set(Array.from(labels, ([, , value]) => value!));
  assert(values.size > 25);
  assertEquals([...values].filter((value) => !section.includes(`\`${value}\``)), []);
});

for (const file of ["alerts.yml", "grafana.json"]) {
  Deno.test(`every metric in ${file} exists`, async () => {
    const text = await Deno.readTextFile(new URL(`metrics/${file}`, SERVER));
    const types = await metricTypes();
    const unknown = metricsIn(text).filter((name) => !types.has(name));
    assertEquals(unknown, []);
    assert(metricsIn(text).length > 10);
    for (const [, name] of text.matchAll(/\b((?:chorus|process)_\w+)_bucket\b/g)) {
      assertEquals(types.get(name!), "histogram", name);
    }
  });
}

Deno.test("the dashboard shows every metric", async () => {
  const text = await Deno.readTextFile(new URL("metrics/grafana.json", SERVER));
  const { panels } = JSON.parse(text);
  assertEquals(new Set(panels.map(({ id }: { id: number }) => id)).size, panels.length);
  const hidden = ["chorus_max_rooms", "process_start_time_seconds"];
  const shown = new Set([...metricsIn(text), ...hidden]);
  assertEquals([...shown].sort(), [...(await metricTypes()).keys()].sort());
});

Deno.test({
  name: "promtool accepts the alert rules",
  ignore: isPromtoolMissing,
  fn: async () => {
    const path = new URL("metrics/alerts.yml", SERVER).pathname;
    assertEquals(await promtool(["check", "rules", path]), "");
  },
});

Deno.test({
  name: "each alert fires when it should, and not when it should not",
  ignore: isPromtoolMissing,
  fn: async () => {
    const path = new URL("alerts_test.yml", import.meta.url).pathname;
    assertEquals(await promtool(["test", "rules", path]), "");
  },
});

Deno.test("alerts_test.yml has each alert, and all its metrics while it does not fire", async () => {
  const rules = await Deno.readTextFile(new URL("metrics/alerts.yml", SERVER));
  const cases = await Deno.readTextFile(new URL("alerts_test.yml", import.meta.url));
  const alerts = Array.from(rules.matchAll(/^ +- alert: (\w+)$/gm), ([, name]) => name!);
  assert(alerts.length > 10);
  assertEquals(alerts.filter((name) => !cases.includes(`alertname="${name}"`)), []);
  for (const name of ["an idle server", "a busy server"]) {
    const series = cases.split("- name: ").find((each) => each.startsWith(name))!;
    assertEquals(metricsIn(rules).filter((metric) => !metricsIn(series).includes(metric)), []);
  }
});

Deno.test({
  name: "promtool checks rules for real",
  ignore: isPromtoolMissing,
  fn: async () => {
    const path = await Deno.makeTempFile({ suffix: ".yml" });
    const rule = "{ alert: A, expr: 'rate(x' }";
    await Deno.writeTextFile(path, `groups: [{ name: a, rules: [${rule}] }]`);
    assertStringIncludes(await promtool(["check", "rules", path]), "could not parse");
    await Deno.remove(path);
  },
});
