import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { summarizeStorm } from "../../../lib/load/measure/storm_summary.ts";
import { Summary } from "../../../lib/load/measure/summary.ts";
import { htmlReport } from "../../../lib/load/report/html_report.ts";
import { judgeRun } from "../../../lib/load/report/run_reports.ts";
import { baselineOf, FINISHED, GOOD } from "./measurements.ts";

/** The text of each element with a name. */
function texts(html: string, name: string): readonly string[] {
  return Array.from(
    html.matchAll(RegExp(`<${name}[^>]*>([^<]*)</${name}>`, "g")),
    ([, text]) => text!.trim(),
  );
}

Deno.test("htmlReport() has the gates first, then what was asked for and measured", () => {
  const html = htmlReport(FINISHED, judgeRun(FINISHED, ["lost=0"]));
  assertEquals(texts(html, "h1"), ["Every message arrived once and in order: 20 deliveries"]);
  assertEquals(texts(html, "h2"), ["Gates", "Asked and measured", "Over time", "Latency"]);
  assertStringIncludes(html, '<p class="result good">Passed</p>');
  assertStringIncludes(html, "Started 2026-11-26 22:30:12 UTC with Chorus 0.1.0");
  assertStringIncludes(html, "deno task client --count 3 --rate 100 --duration 5s");
});

Deno.test("htmlReport() shows that a gate failed, although every message arrived", () => {
  const html = htmlReport(FINISHED, judgeRun(FINISHED, ["p99<1ms"]));
  assertStringIncludes(html, '<p class="result bad">Failed</p>');
});

Deno.test("htmlReport() shows the comparison with a baseline", () => {
  const config = { ...FINISHED.config, rate: 50 };
  const run = { ...FINISHED, baseline: baselineOf({ ...FINISHED, config }) };
  const html = htmlReport(run, judgeRun(run, []));
  assertStringIncludes(html, "Compared with the baseline");
  assertStringIncludes(html, "Asked for something else: --rate 100 instead of 50.");
});

Deno.test("htmlReport() has tables of a storm and of the history", () => {
  const history = {
    ...{ found: 10, unrecorded: 0, unrecordedNames: [], duplicated: 0, reordered: 0, corrupt: 0 },
    ...{ leaked: 0, misplaced: 0, older: 0, reachesBackTo: undefined, failure: undefined },
  };
  const storm = summarizeStorm([], { isResumed: true });
  const run = { ...FINISHED, measurement: { ...GOOD, history, storm } };
  const html = htmlReport(run, judgeRun(run, []));
  assertEquals(texts(html, "h2").slice(0, 3), ["Reconnect storm", "History", "Asked and measured"]);
});

Deno.test("htmlReport() leaves out gates and latencies if there are none", () => {
  const none = {
    ...GOOD.latencies,
    ...{ delivery: undefined, raw: undefined, first: undefined, last: undefined },
    ...{ spread: undefined, handshake: undefined },
  };
  const measurement = { ...GOOD, summary: new Summary(), latencies: none };
  const run = { ...FINISHED, measurement };
  const html = htmlReport(run, judgeRun(run, []));
  assertEquals(texts(html, "h1"), ["No message was sent"]);
  assertEquals(texts(html, "h2"), ["Asked and measured", "Over time"]);
  assertStringIncludes(html, "<li>3 of 3 users did not connect</li>");
});

Deno.test("htmlReport() escapes texts, and fills in nothing twice", () => {
  const url = "ws://h/<!--TEXT--></script>?a=$&/*SCRIPT*/";
  const run = { ...FINISHED, facts: { ...FINISHED.facts, url } };
  const html = htmlReport(run, judgeRun(run, []));
  assertStringIncludes(html, "ws://h/&lt;!--TEXT--&gt;&lt;/script&gt;?a=$&amp;/*SCRIPT*/");
  assertEquals(html.match(/<script/g)!.length, 2);
  assert(!html.includes(url));
});
