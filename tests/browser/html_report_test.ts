import { assert, assertEquals } from "@std/assert";
import { htmlReport } from "../../lib/load/report/html_report.ts";
import { Recorder } from "../../lib/load/measure/recorder.ts";
import type { FinishedRun } from "../../lib/load/report/saved_run.ts";
import { judgeRun } from "../../lib/load/report/run_reports.ts";
import { FINISHED, GOOD, LATENCY } from "../load/report/measurements.ts";
import { isBrowserMissing, launchBrowser, openPage } from "./browser.ts";

/** A run of ten seconds. Nothing arrived in one of them. */
function finishedRun(): FinishedRun {
  const { histograms } = new Recorder(0);
  for (let us = 1; us <= 5000; us++) histograms.delivery.record(us);
  const timeline = Array.from({ length: 10 }, (_, at) => ({
    seconds: at + 1,
    phase: "steady" as const,
    phaseSeconds: at + 1,
    connections: 3,
    sentPerSecond: 100 + at,
    deliveriesPerSecond: at === 5 ? 0 : 200 + 2 * at,
    p50: at === 5 ? undefined : 1 + at / 10,
    p99SoFar: 3,
    p99: at === 5 ? undefined : 3 + at / 10,
    missing: 0,
    busyCores: 0.25,
  }));
  const delivery = { ...LATENCY, count: 5000 };
  return {
    ...FINISHED,
    measurement: { ...GOOD, histograms, timeline, latencies: { ...GOOD.latencies, delivery } },
    facts: { url: "ws://h/</script>", count: 3, elapsedMs: 10_000, isInterrupted: false },
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

for (const colorScheme of ["light", "dark"] as const) {
  Deno.test({
    name: `${colorScheme}: htmlReport() draws every chart, offline and without errors`,
    ignore: isBrowserMissing,
    async fn() {
      const run = finishedRun();
      const path = await Deno.makeTempFile({ suffix: ".html" });
      await Deno.writeTextFile(
        path,
        htmlReport(run, judgeRun(run, [])),
      );
      const browser = await launchBrowser();
      const { page, problems } = await openPage(browser, "about:blank");
      const requests: string[] = [];
      page.on("request", (request) => requests.push(request.url()));
      await page.emulateMedia({ colorScheme });
      await page.goto(`file://${path}`);
      assertEquals(
        await page.locator("h1").textContent(),
        "Every message arrived once and in order: 20 deliveries",
      );
      assertEquals(
        await page.locator("#facts").textContent(),
        "3 users, 10.0 s at ws://h/</script>",
      );
      assertEquals(await page.locator("figcaption").allTextContents(), [
        "Messages per second",
        "Deliveries per second",
        "Latency, ms",
        "Missing messages so far",
        "Open connections",
        "Busy cores of the client",
        "Latency by percentile, ms",
      ]);
      const colored = await page.evaluate<number[]>(COLORED_PIXELS);
      assertEquals(colored.length, 7);
      for (const pixels of colored) assert(pixels > 100);
      // A change of the color scheme redraws each chart once.
      await page.emulateMedia({ colorScheme: colorScheme === "light" ? "dark" : "light" });
      assertEquals(await page.locator("canvas").count(), 7);
      assertEquals(requests, [`file://${path}`]);
      assertEquals(problems, []);
      await browser.close();
      await Deno.remove(path);
    },
  });
}
