import { assert, assertEquals, assertThrows } from "@std/assert";
import { NO_COUNTS } from "../../../../lib/load/measure/ledger/delivery_counts.ts";
import { LatencyBins } from "../../../../lib/load/measure/latency_bins.ts";
import type { LatencyCounts } from "../../../../lib/load/measure/latency_bins.ts";
import { Recorder } from "../../../../lib/load/measure/recorder.ts";
import { Summary } from "../../../../lib/load/measure/summary.ts";
import {
  exitCodeOf,
  judgeRun,
  printedReport,
  reportFiles,
} from "../../../../lib/load/report/run_reports.ts";
import {
  type FinishedRun,
  parseSavedRun,
  readBaseline,
  readSavedRun,
  SavedRunError,
  savedRunText,
} from "../../../../lib/load/report/saved_run/saved_run.ts";
import { baselineOf, FINISHED, GOOD, LATENCY } from "../measurements.ts";

/** Latencies from a microsecond to an hour. */
function manyLatencies(): LatencyCounts {
  const bins = new LatencyBins();
  for (let us = 1; us < 2 ** 32; us = Math.ceil(us * 1.01)) bins.record(us);
  return bins.take();
}

/** A run with a value in every field, and latencies of which some were not measured. */
function fullRun(): FinishedRun {
  const recorder = new Recorder(0);
  const [none, many] = [new Uint32Array(), manyLatencies()];
  const sample = {
    atMs: 1000,
    connections: 2,
    sent: 10,
    ledger: { ...NO_COUNTS, delivered: 20, lost: 1 },
    spunMs: 0,
    spreads: [],
  };
  const latencies = {
    handshake: many,
    warmup: none,
    steady: none,
    raw: none,
    ack: none,
    rawAck: none,
    slip: none,
    lag: many,
  };
  recorder.add([{ ...sample, latencies }], { phase: "connecting", sinceMs: 0 }, 100);
  recorder.add(
    [{ ...sample, atMs: 2000, latencies: { ...latencies, steady: many, raw: many, slip: many } }],
    { phase: "steady", sinceMs: 1500 },
    300,
  );
  const summary = new Summary();
  Object.assign(summary, { opened: 2, sent: 10, received: 23 });
  summary.addFailure({ cause: "HTTP 503" });
  summary.addLeave({ code: 1000, reason: "" });
  summary.addLoss({ code: 4008, reason: "too slow" });
  const measurement = {
    ...GOOD,
    summary,
    slow: { ...GOOD.slow, count: 1, closeCodes: new Map([[4008, 1]]) },
    latencies: recorder.close(),
    histograms: recorder.histograms,
    timeline: recorder.timeline,
    busyCores: undefined,
    faults: [{ kind: "lost", text: "Message 1 of user 2 did not arrive at user 3" }] as const,
    uncompared: 4,
    acks: {
      ...{ acked: 5, refused: 1, unanswered: 0, unknown: 0, unreached: 1 },
      errors: new Map([["429", 1]]),
      gaps: new Map([["expired", { count: 1, missed: 7 }]]),
      unreachedNames: ["message 3 of user 1"],
    },
    history: {
      ...{ found: 9, unrecorded: 1, duplicated: 0, reordered: 0, corrupt: 0, leaked: 0 },
      ...{ misplaced: 0, older: 2, reachesBackTo: "message 2 of user 1", failure: undefined },
      unrecordedNames: ["message 4 of user 1"],
    },
    storm: {
      ...{ cut: 4, back: 4, upToDate: 3, isResumed: true, lost: 1, missed: 0, duplicated: 0 },
      ...{ cutOff: 0, publishedAgain: 2, failures: new Map([["timeout", 1]]) },
      backMs: { half: 100, p99: 300, all: 300.5 },
      upToDateMs: { half: 120, p99: undefined, all: undefined },
      connectsPerSecond: { peak: 20, mean: 6.5 },
    },
    stages: [{
      ...{ startRate: 0, rate: 500, seconds: 2.5, sent: 625, achievedRate: 250 },
      ...{ deliveriesPerSecond: 500, latency: LATENCY, lost: 0 },
    }],
    aborted: { gate: "p99>2s", value: 2100, steadySeconds: 2.5 },
    lookupMs: 1.5,
    server: { cpuCores: { mean: 0.5, max: 1 }, memoryBytes: undefined, lagMs: undefined },
  };
  return { ...FINISHED, measurement, baseline: baselineOf(FINISHED) };
}

for (const json of [false, true]) {
  Deno.test(`parseSavedRun() returns a run with the same ${json ? "JSON" : "text"} report`, () => {
    const run = fullRun();
    const verdict = judgeRun(run, ["p99<=2x", "lost=0"]);
    const read = parseSavedRun(savedRunText(run));
    const readVerdict = judgeRun(read, ["p99<=2x", "lost=0"]);
    assertEquals(
      printedReport(read, readVerdict, { json }),
      printedReport(run, verdict, { json }),
    );
    assertEquals(exitCodeOf(readVerdict, read.measurement), exitCodeOf(verdict, run.measurement));
  });
}

Deno.test("parseSavedRun() returns a run with the same files", () => {
  const run = fullRun();
  const paths = { report: "r.html", hdr: "h" };
  const read = parseSavedRun(savedRunText(run));
  assertEquals(
    reportFiles(read, judgeRun(read, []), paths),
    reportFiles(run, judgeRun(run, []), paths),
  );
});

Deno.test("savedRunText() keeps the contents of all histograms, so that percentiles are equal", () => {
  const { histograms } = fullRun().measurement;
  const read = parseSavedRun(savedRunText(fullRun())).measurement.histograms;
  for (const key of Object.keys(histograms) as (keyof typeof histograms)[]) {
    assertEquals([key, read[key].summary], [key, histograms[key].summary]);
    assertEquals(read[key].distributionText, histograms[key].distributionText);
  }
});

Deno.test("savedRunText() of a run that was read is the same text", () => {
  const text = savedRunText(fullRun());
  assert(savedRunText(parseSavedRun(text)) === text);
});

Deno.test("parseSavedRun() gives a flag that is newer than the run its default", () => {
  const text = savedRunText(FINISHED).replace('"drainTimeoutMs":5000,', "");
  assertEquals(parseSavedRun(text).config.drainTimeoutMs, 5000);
});

const TEXT = savedRunText(FINISHED);

for (
  const [name, text, fault] of [
    ["an empty file", "", "it is empty"],
    ["another file", "%PDF-1.7", "it was not written by --save"],
    ["other JSON", '{"version":1}', "it was not written by --save"],
    ["JSON that is no object", "5", "it was not written by --save"],
    ["a file that was cut off", TEXT.slice(0, 900), "it is damaged ("],
    [
      "a file of a newer version",
      TEXT.replace('"version":1', '"version":2'),
      "a newer version of Chorus saved it: it has version 2",
    ],
    [
      "a wrong field",
      TEXT.replace('"lost":0', '"lost":"0"'),
      "measurement.ledger.lost must be a whole number that is not negative",
    ],
    [
      "a gate that is none",
      TEXT.replace(
        '"churned":0',
        '"aborted":{"gate":"p99>2","value":3,"steadySeconds":1},"churned":0',
      ),
      "measurement.aborted.gate must be a gate",
    ],
    [
      "a gate that does not exist",
      TEXT.replace('"expect":[]', '"expect":["lost=0","bogus"]'),
      "config.expect[1] must be a metric, a comparison, and a limit",
    ],
    [
      "a storm without a time",
      TEXT.replace('"storm":""', '"storm":"50%"'),
      "config.storm must be a number or a percentage of users, and a time",
    ],
    [
      "a choice that does not exist",
      TEXT.replace('"skew":"even"', '"skew":"odd"'),
      "config.skew must be one of even, zipf",
    ],
    [
      "no users",
      TEXT.replace('"count":3', '"count":0'),
      "config.count must be from 1 to ",
    ],
    [
      "a part of a message",
      TEXT.replace('"rate":100,', '"rate":0.5,'),
      "config.rate must be a whole number that is not negative",
    ],
    [
      "a negative duration",
      TEXT.replace('"drainTimeoutMs":5000', '"drainTimeoutMs":-1'),
      "config.drainTimeoutMs must be from 0 to",
    ],
    [
      "a missing field",
      TEXT.replace('"churned":0,', ""),
      "measurement.churned is missing",
    ],
    [
      "a latency that is too long",
      TEXT.replace('"delivery":[]', '"delivery":[[3600000001,1]]'),
      "measurement.histograms.delivery[0][0] must be at most 3600000000",
    ],
  ] as const
) {
  Deno.test(`parseSavedRun() throws for ${name}`, () => {
    assertThrows(() => parseSavedRun(text), Error, fault);
  });
}

Deno.test("readBaseline() reads a run that measured less than this version does", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, TEXT.replaceAll('"reordered":0,', ""));
  const { reordered, ...metrics } = baselineOf(FINISHED).metrics;
  assertEquals([reordered, readBaseline(path).metrics], [0, metrics]);
  assertThrows(() => readSavedRun(path), SavedRunError, "measurement.ledger.reordered is missing");
  await Deno.remove(path);
});

Deno.test("readSavedRun() names the file that it cannot read or use", async () => {
  assertThrows(
    () => readSavedRun("/nowhere/run.json"),
    SavedRunError,
    "Cannot read the run /nowhere/run.json: it does not exist",
  );
  const path = await Deno.makeTempFile();
  assertThrows(() => readSavedRun(path), SavedRunError, `Cannot use the run ${path}: it is empty`);
  await Deno.remove(path);
});
