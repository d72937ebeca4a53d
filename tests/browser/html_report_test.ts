import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "playwright-core";
import { Recorder, type TimelinePoint } from "../../lib/load/measure/recorder.ts";
import { htmlReport } from "../../lib/load/report/html_report.ts";
import { judgeRun } from "../../lib/load/report/run_reports.ts";
import type { FinishedRun } from "../../lib/load/report/saved_run/saved_run.ts";
import { baselineOf, FINISHED, GOOD, LATENCY } from "../load/report/measurements.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { isBrowserMissing, launchBrowser, openPage } from "./browser.ts";

/** A run of ten seconds. Nothing arrived in one of them. */
function finishedRun(part: Partial<TimelinePoint> = {}): FinishedRun {
  const { histograms } = new Recorder(0);
  for (let us = 1; us <= 5000; us++) {
    histograms.delivery.record(us);
    histograms.raw.record(us / 2);
  }
  const timeline = Array.from({ length: 10 }, (_, at): TimelinePoint => ({
    seconds: at + 1,
    phase: at < 3 ? "warm-up" : "steady",
    phaseSeconds: at < 3 ? at + 1 : at - 2,
    connections: 3,
    sentPerSecond: 100 + at,
    deliveriesPerSecond: at === 5 ? 0 : 200 + 2 * at,
    p50: at === 5 ? undefined : 1 + at / 10,
    p99SoFar: 3,
    p99: at === 5 ? undefined : 3 + at / 10,
    missing: 0,
    busyCores: 0.25,
    ...part,
  }));
  const latencies = { ...GOOD.latencies, delivery: { ...LATENCY, count: 5000 } };
  return {
    ...FINISHED,
    measurement: { ...GOOD, histograms, timeline, latencies },
    facts: { url: "ws://h/</script>", count: 3, elapsedMs: 10_000, isInterrupted: false },
    baseline: baselineOf(FINISHED),
  };
}

/** Opens the report of a run, and collects its requests and problems. */
async function openReport(run: FinishedRun) {
  const path = await Deno.makeTempFile({ suffix: ".html" });
  await Deno.writeTextFile(path, htmlReport(run, judgeRun(run, ["lost=0", "p99<1ms"])));
  const browser = await launchBrowser();
  const { page, problems } = await openPage(browser, "about:blank");
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  return {
    page,
    problems,
    requests,
    url: `file://${path}`,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await Deno.remove(path);
    },
  };
}

/** How many pixels of each canvas have the color of a series: neither transparent nor gray. */
const COLORED_PIXELS = `[...document.querySelectorAll("canvas")].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue, alpha] = data.subarray(at, at + 4);
    if (alpha > 0 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) count++;
  }
  return count;
})`;

const captions = (page: Page) => page.locator("figcaption").allTextContents();

const CHARTS = [
  "Messages sent",
  "Deliveries",
  "Latency",
  "Open connections",
  "CPU of the client",
  "Latency by percentile",
];

for (const colorScheme of ["light", "dark"] as const) {
  Deno.test({
    name: `${colorScheme}: htmlReport() draws every chart, offline, accessibly, and without errors`,
    ignore: isBrowserMissing,
    async fn() {
      await using report = await openReport(finishedRun());
      const { page, problems, requests, url } = report;
      await page.emulateMedia({ colorScheme });
      await page.goto(url);
      assertEquals(
        (await page.locator("h1").textContent())!.trim(),
        "Every message arrived once and in order: 20 deliveries",
      );
      assertEquals(await page.locator(".result").textContent(), "Failed");
      assertEquals(
        (await page.locator("#facts").textContent())!.trim(),
        "3 users, 10.0 s at ws://h/</script>",
      );
      assertEquals(await captions(page), CHARTS);
      const colored = await page.evaluate<number[]>(COLORED_PIXELS);
      assertEquals(colored.length, CHARTS.length);
      for (const pixels of colored) assert(pixels > 100);
      assertMatch(
        (await page.locator("#over-time .uplot").nth(3).getAttribute("aria-label"))!,
        /^Open connections, users: from 3 to 3$/,
      );
      assertEquals(await accessibilityFaults(page), []);
      // A change of the color scheme redraws each chart once.
      await page.emulateMedia({ colorScheme: colorScheme === "light" ? "dark" : "light" });
      assertEquals(await page.locator("canvas").count(), CHARTS.length);
      assertEquals(requests, [url]);
      assertEquals(problems, []);
    },
  });
}

Deno.test({
  name: "htmlReport() draws charts of faults and of the server only if there are any",
  ignore: isBrowserMissing,
  async fn() {
    const server = { cpuCores: 0.5, memoryBytes: 80_000_000, lagMs: 1 };
    await using report = await openReport(finishedRun({ missing: 2, server }));
    await report.page.goto(report.url);
    assertEquals(await captions(report.page), [
      ...CHARTS.slice(0, 3),
      "Missing messages so far",
      "Open connections",
      "CPU of client and server",
      "Memory of the server",
      "Event loop lag of the server",
      "Latency by percentile",
    ]);
    assertEquals(
      await report.page.locator("#over-time .uplot").nth(6).getAttribute("aria-label"),
      "Memory of the server, MB: from 80 to 80",
    );
    assertEquals(report.problems, []);
  },
});

Deno.test({
  name: "htmlReport() draws no empty chart for a run that measured nothing",
  ignore: isBrowserMissing,
  async fn() {
    const run = finishedRun();
    const { histograms } = new Recorder(0);
    const measurement = { ...run.measurement, histograms, timeline: [] };
    await using report = await openReport({ ...run, measurement });
    await report.page.goto(report.url);
    assertEquals(await report.page.locator("figure").count(), 0);
    assertEquals(report.problems, []);
  },
});

Deno.test({
  name: "htmlReport() fits on a screen of 360 pixels",
  ignore: isBrowserMissing,
  async fn() {
    const run = finishedRun();
    const history = {
      ...{ found: 0, unrecorded: 0, unrecordedNames: [], duplicated: 0, reordered: 0, corrupt: 0 },
      ...{ leaked: 0, misplaced: 0, older: 0, reachesBackTo: undefined },
      failure: `Cannot read the history at http://h/rooms/${"lobby".repeat(20)}: HTTP 500`,
    };
    const measurement = { ...run.measurement, history };
    await using report = await openReport({ ...run, measurement });
    await report.page.setViewportSize({ width: 360, height: 640 });
    await report.page.goto(report.url);
    assertEquals(await report.page.evaluate("document.documentElement.scrollWidth"), 360);
  },
});

Deno.test({
  name: "htmlReport() prints in light colors, with charts that fit on A4",
  ignore: isBrowserMissing,
  async fn() {
    await using report = await openReport(finishedRun());
    const { page } = report;
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(report.url);
    const widths = () =>
      page.evaluate<number[]>(
        `[...document.querySelectorAll("canvas")].map((canvas) => canvas.clientWidth)`,
      );
    const onScreen = await widths();
    await page.emulateMedia({ colorScheme: "dark", media: "print" });
    await page.evaluate(`dispatchEvent(new Event("beforeprint"))`);
    assertEquals(await widths(), [...CHARTS.slice(1).map(() => 312), 664]);
    assertEquals(
      await page.evaluate("getComputedStyle(document.body).backgroundColor"),
      "rgb(255, 255, 255)",
    );
    await page.emulateMedia({ colorScheme: "dark", media: "screen" });
    await page.evaluate(`dispatchEvent(new Event("afterprint"))`);
    assertEquals(await widths(), onScreen);
  },
});
