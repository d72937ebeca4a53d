import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseGate } from "../../../lib/load/report/gate.ts";
import { NO_COUNTS } from "../../../lib/load/measure/ledger/delivery_counts.ts";
import {
  measuredJsonReport,
  measuredTextReport,
} from "../../../lib/load/report/measured_report.ts";
import type { Measurement } from "../../../lib/load/measure/measurement.ts";
import type { StageResult } from "../../../lib/load/measure/stage_results.ts";
import { summarizeStorm } from "../../../lib/load/measure/storm_summary.ts";
import { Summary } from "../../../lib/load/measure/summary.ts";
import { judge } from "../../../lib/load/report/verdict.ts";
import { GOOD, HISTORY, LATENCY } from "./measurements.ts";

const FACTS = { url: "ws://h/ws", count: 3, elapsedMs: 5040, isInterrupted: false };

function badRun(): Measurement {
  const summary = new Summary();
  Object.assign(summary, { opened: 2, sent: 9, received: 23 });
  summary.addFailure({ cause: "HTTP 503" });
  summary.addLeave({ code: 1000, reason: "" });
  summary.addLoss({ code: 4008, reason: "too slow" });
  return {
    ...GOOD,
    summary,
    ledger: { ...NO_COUNTS, delivered: 15, lost: 3, duplicated: 1, echoed: 2 },
    slow: {
      count: 2,
      closeCodes: new Map([[4008, 1]]),
      ledger: { ...NO_COUNTS, delivered: 4, lost: 5 },
    },
    achievedRate: 90.25,
    latencies: { ...GOOD.latencies, spread: undefined },
    unsent: { disconnected: 1, blocked: 2 },
    churned: 7,
    busyCores: undefined,
    workers: 2,
    lookupMs: 1.25,
    server: {
      cpuCores: { mean: 0.5, max: 1 },
      memoryBytes: { mean: 1e6, max: 2e6 },
      lagMs: undefined,
    },
  };
}

Deno.test("measuredTextReport() shows a run without faults", () => {
  const gates = [parseGate("lost=0")!, parseGate("p99<250ms")!];
  assertEquals(
    measuredTextReport(GOOD, judge(GOOD, { gates, count: 3, isStrict: false }), FACTS),
    `Every message arrived once and in order: 20 deliveries
  passed  lost=0  (0)
  passed  p99<250ms  (3.00 ms)

Run of 5.0 s at ws://h/ws
Connections
  opened       3 of 3
  failed       0
  lost         0
  close codes  3 × 1000
Delivery
  sent         10
  delivered    20
  lost          0
  duplicated    0
  reordered     0
  misordered   not checked
  corrupt       0
  leaked        0
  echoed        0
  foreign       3
Rate, per second
  messages     100 of 100
  deliveries   200
Latency, ms            p50       p90       p99     p99.9       max
  all deliveries      1.00      2.00      3.00      4.00      5.00
  since sending       1.00      2.00      3.00      4.00      5.00
  first receiver      1.00      2.00      3.00      4.00      5.00
  last receiver       1.00      2.00      3.00      4.00      5.00
  first to last       1.00      2.00      3.00      4.00      5.00
  handshake           1.00      2.00      3.00      4.00      5.00
This client, ms        p50       p90       p99     p99.9       max
  send delay          1.00      2.00      3.00      4.00      5.00
  event loop lag      1.00      2.00      3.00      4.00      5.00
  busy         0.25 cores with 1 thread, 0.05 of them waiting`,
  );
});

Deno.test("measuredTextReport() shows every kind of fault, with the verdict first", () => {
  const run = badRun();
  assertEquals(
    measuredTextReport(
      run,
      judge(run, { gates: [parseGate("lost=0")!], count: 3, isStrict: false }),
      { ...FACTS, isInterrupted: true },
    ),
    `Not every message arrived once and in order: 3 lost, 1 duplicated; \
1 lost connection, checked until the loss; \
the server also returns messages to their senders
1 of 3 users did not connect
  FAILED  lost=0  (3)

Run of 5.0 s at ws://h/ws, interrupted
Connections
  opened       2 of 3
  failed       1: 1 × HTTP 503
  lost         1: 1 × closed with 4008; 0 reconnected, 1 still disconnected
  close codes  1 × 1000, 1 × 4008
  name lookup  1.25 ms
  churned      7, disconnected and reconnected
Delivery
  sent          9; 1 not sent because no sender was connected; \
2 not sent because the server did not read
  delivered    15
  lost          3
  duplicated    1
  reordered     0
  misordered   not checked
  corrupt       0
  leaked        0
  echoed        2
  foreign       0
Slow readers
  readers      2
  closed       1 × 4008, by the server
  delivered    4
  lost         5, not counting closed connections
Rate, per second
  messages     90.3 of 100
  deliveries   200
Latency, ms            p50       p90       p99     p99.9       max
  all deliveries      1.00      2.00      3.00      4.00      5.00
  since sending       1.00      2.00      3.00      4.00      5.00
  first receiver      1.00      2.00      3.00      4.00      5.00
  last receiver       1.00      2.00      3.00      4.00      5.00
  first to last  none
  handshake           1.00      2.00      3.00      4.00      5.00
This client, ms        p50       p90       p99     p99.9       max
  send delay          1.00      2.00      3.00      4.00      5.00
  event loop lag      1.00      2.00      3.00      4.00      5.00
  busy         not measured with 2 threads
The server                 mean      max
  busy, cores              0.50     1.00
  memory, MB                1.0      2.0
  event loop lag, ms   not measured`,
  );
});

Deno.test("measuredTextReport() shows acks, the history, and a storm, and what is wrong on top", () => {
  const run: Measurement = {
    ...GOOD,
    acks: {
      ...{ acked: 8, refused: 1, unanswered: 1, unknown: 1, unreached: 1 },
      unreachedNames: ["message 3 of user 1 at position e-3"],
      errors: new Map([["forbidden", 1]]),
      gaps: new Map([["too slow", { count: 2, missed: 30 }]]),
    },
    history: {
      ...{ found: 7, unrecorded: 1, duplicated: 0, reordered: 0, corrupt: 0, leaked: 0 },
      ...{ misplaced: 0, older: 2, unrecordedNames: ["message 4 of user 1"] },
      reachesBackTo: "e-3, published at noon",
      failure: undefined,
    },
    storm: summarizeStorm([{
      ...{ cut: 2, backMs: [300, 410], upToDateMs: [320], lost: 1, missed: 0, duplicated: 0 },
      ...{ cutOff: 0, publishedAgain: 4, failures: new Map([["HTTP 503", 1]]) },
    }], { isResumed: true }),
  };
  const text = measuredTextReport(run, judge(run, { gates: [], count: 3, isStrict: false }), FACTS);
  for (
    const part of [
      `Every message arrived once and in order: 20 deliveries
Not every message was acked: 1 refused, 1 unanswered
Acks for messages that await none: 1
Messages that were acked and reached nobody: 1
  unreached: message 3 of user 1 at position e-3
The history is wrong: 1 unrecorded
  Not in the history: message 4 of user 1
`,
      `
Acks
  acked        8
  refused      1
  unanswered   1
  unknown      1, for messages that had their answer
  unreached    1
  errors       1 × forbidden
  gaps         2 × too slow, 30 messages missing
History
  found        7
  unrecorded   1
  duplicated   0
  reordered    0
  corrupt      0
  leaked       0
  misplaced    0
  older        2; the history reaches back to e-3, published at noon
Storm
  cut          2
  back         2: half after 0.30 s, 99 % after 0.41 s, all after 0.41 s
  connects     10 per second at the peak, 4.88 on average
  failed       1 × HTTP 503
  up to date   1: half after 0.32 s
  lost         1 over the break
  sent again   4, because their acks had not arrived
  duplicated   0 over the break
`,
    ]
  ) assertStringIncludes(text, part);
});

Deno.test("measuredTextReport() shows no counts of a history that could not be read", () => {
  const run = { ...GOOD, history: { ...HISTORY, failure: "Cannot read the history" } };
  const verdict = judge(run, { gates: [], count: 3, isStrict: false });
  const text = measuredTextReport(run, verdict, FACTS);
  assertStringIncludes(text, "\nCannot read the history\n");
  assertStringIncludes(text, "\nHistory\n  not read\nRate, per second\n");
});

Deno.test("measuredJsonReport() has its version and every figure", () => {
  const run = badRun();
  assertEquals(
    JSON.parse(
      measuredJsonReport(
        run,
        judge(run, { gates: [parseGate("lost=0")!], count: 3, isStrict: false }),
        FACTS,
      ),
    ),
    {
      version: 2,
      url: "ws://h/ws",
      elapsedMs: 5040,
      interrupted: false,
      delivered: false,
      passed: false,
      aborted: null,
      clientLimits: [],
      gates: [{ gate: "lost=0", value: 3, baseline: null, passed: false }],
      connections: {
        count: 3,
        opened: 2,
        failed: 1,
        failures: { "HTTP 503": 1 },
        lost: 1,
        losses: { "closed with 4008": 1 },
        cameBack: 0,
        closeCodes: { 1000: 1, 4008: 1 },
        churned: 7,
      },
      messages: { sent: 9, received: 23, unsent: { disconnected: 1, blocked: 2 } },
      delivery: {
        delivered: 15,
        lost: 3,
        duplicated: 1,
        reordered: 0,
        misordered: 0,
        corrupt: 0,
        leaked: 0,
        echoed: 2,
        foreign: 0,
      },
      faults: [],
      uncompared: null,
      unrecognized: null,
      acks: null,
      history: null,
      storm: null,
      slow: {
        count: 2,
        closeCodes: { 4008: 1 },
        delivery: { ...NO_COUNTS, delivered: 4, lost: 5 },
      },
      rates: { offeredRate: 100, achievedRate: 90.25, deliveriesPerSecond: 200 },
      stages: [],
      latencyMs: {
        delivery: LATENCY,
        raw: LATENCY,
        first: LATENCY,
        last: LATENCY,
        spread: null,
        ack: null,
        rawAck: null,
        handshake: LATENCY,
        lookup: 1.25,
      },
      client: { slipMs: LATENCY, lagMs: LATENCY, busyCores: null, waitingCores: 0.05, workers: 2 },
      server: {
        cpuCores: { mean: 0.5, max: 1 },
        memoryBytes: { mean: 1e6, max: 2e6 },
        lagMs: null,
      },
      comparison: null,
    },
  );
});

/** A run of two stages, which was aborted in the second. */
const ABORTED: Measurement = {
  ...GOOD,
  stages: [
    {
      startRate: 0,
      rate: 1000,
      seconds: 30,
      sent: 15_000,
      achievedRate: 500,
      deliveriesPerSecond: 1000,
      latency: LATENCY,
      lost: 0,
    },
    {
      startRate: 1000,
      rate: 5000,
      seconds: 2.04,
      sent: 2041,
      achievedRate: 1000.5,
      deliveriesPerSecond: 0,
      latency: undefined,
      lost: 7,
    },
  ],
  aborted: { gate: "p99>2s", value: 2310.04, steadySeconds: 32.04 },
};

Deno.test("measuredTextReport() shows first why a run was aborted, and each stage", () => {
  const verdict = judge(ABORTED, { gates: [], count: 3, isStrict: false });
  const text = measuredTextReport(ABORTED, verdict, FACTS);
  assertStringIncludes(
    text,
    "Aborted after 32.0 s of the steady phase: p99>2s (2,310.04 ms)\nEvery message arrived",
  );
  assertStringIncludes(
    text,
    `
Stages, messages/s     seconds      sent  deliv./s   p50, ms   p99, ms      lost
  1  0 to 1,000           30.0    15,000     1,000      1.00      3.00         0
  2  1,000 to 5,000        2.0     2,041         0      none      none         7
Latency, ms  `,
  );
});

Deno.test("measuredJsonReport() has why a run was aborted, and each stage", () => {
  const verdict = judge(ABORTED, { gates: [], count: 3, isStrict: false });
  const { aborted, passed, stages } = JSON.parse(measuredJsonReport(ABORTED, verdict, FACTS));
  assertEquals([aborted, passed], [ABORTED.aborted, false]);
  const [{ latency, ...first }] = ABORTED.stages as [StageResult];
  assertEquals(stages[0], { ...first, latencyMs: latency });
  assertEquals(stages[1].latencyMs, null);
});
