import { assertEquals } from "@std/assert";
import { parseGate } from "../../../lib/load/report/gate.ts";
import { summarizeStorm } from "../../../lib/load/measure/storm_summary.ts";
import { Summary } from "../../../lib/load/measure/summary.ts";
import { judge } from "../../../lib/load/report/verdict.ts";
import { ACKS, GOOD, HISTORY, LATENCY } from "./measurements.ts";

function demands(...gates: string[]) {
  return { gates: gates.map((text) => parseGate(text)!), count: 3, isStrict: false };
}

Deno.test("judge() passes a run without faults, although foreign messages arrived", () => {
  assertEquals(judge(GOOD, demands()), {
    isDelivered: true,
    isPassed: true,
    clientLimits: [],
    gates: [],
  });
});

for (const fault of ["lost", "duplicated", "reordered", "corrupt"] as const) {
  Deno.test(`judge() does not call a run delivered if a message was ${fault}`, () => {
    const ledger = { ...GOOD.ledger, [fault]: 1 };
    const { isDelivered, gates } = judge({ ...GOOD, ledger }, demands(`${fault}=0`));
    assertEquals([isDelivered, gates[0]!.isPassed], [false, false]);
  });
}

for (
  const [part, limit] of [
    [{ achievedRate: 90 }, "it sent 90 of 100 messages/s"],
    [
      { latencies: { ...GOOD.latencies, slip: { ...LATENCY, p99: 25 } } },
      "it sent 1 % of the messages at least 25 ms late",
    ],
    [
      { latencies: { ...GOOD.latencies, lag: { ...LATENCY, p99: 25 } } },
      "its event loop was at least 25 ms late for 1 % of the time",
    ],
    [
      { busyCores: 1.0 },
      "it kept 0.95 cores busy with its one thread, not counting waiting; try more --workers",
    ],
    [
      { busyCores: 2.0, waitingCores: 0.1, workers: 2 },
      "it kept 1.90 cores busy with its 2 threads, not counting waiting; try more --workers",
    ],
  ] as const
) {
  Deno.test(`judge() reports a limit of the client: ${limit}`, () => {
    assertEquals(judge({ ...GOOD, ...part }, demands()).clientLimits, [limit]);
  });
}

Deno.test("judge() compares each metric with its gate", () => {
  const texts = ["p50<=1ms", "p99.9<4ms", "failed=0", "rate>=100", "deliveries>200"];
  const { gates } = judge(GOOD, demands(...texts));
  assertEquals(gates.map(({ isPassed }) => isPassed), [true, false, true, true, false]);
});

Deno.test("judge() ignores echoes unless a gate limits them", () => {
  const ledger = { ...GOOD.ledger, echoed: 10 };
  const { isDelivered, gates } = judge({ ...GOOD, ledger }, demands("echoed=0"));
  assertEquals([isDelivered, gates[0]!.isPassed], [true, false]);
});

Deno.test("judge() fails a run and its gates if nothing was sent", () => {
  const ledger = { ...GOOD.ledger, delivered: 0 };
  const summary = new Summary();
  const { isDelivered, gates } = judge({ ...GOOD, ledger, summary }, demands("lost=0"));
  assertEquals([isDelivered, gates[0]!.isPassed], [false, false]);
});

Deno.test("judge() does not blame the client for senders that the server closed or blocked", () => {
  for (const unsent of [{ disconnected: 50, blocked: 0 }, { disconnected: 0, blocked: 50 }]) {
    assertEquals(judge({ ...GOOD, achievedRate: 50, unsent }, demands()).clientLimits, []);
  }
});

Deno.test("judge() fails a run if a user did not connect, a gate failed, it was aborted, or --strict is violated", () => {
  const limited = { ...GOOD, achievedRate: 90 };
  const verdicts = [
    judge(GOOD, { ...demands(), count: 4 }),
    judge(GOOD, demands("lost>0")),
    judge(limited, { ...demands(), isStrict: true }),
    judge({ ...GOOD, aborted: { gate: "p99>2s", value: 3000, steadySeconds: 1 } }, demands()),
    judge(limited, demands()),
  ];
  assertEquals(verdicts.map(({ isPassed }) => isPassed), [false, false, false, false, true]);
  assertEquals(verdicts.every(({ isDelivered }) => isDelivered), true);
});

for (const fault of ["refused", "unanswered"] as const) {
  Deno.test(`judge() fails a run if a message was ${fault}`, () => {
    const acks = { ...ACKS, acked: 9, [fault]: 1 };
    const { isDelivered, isPassed, gates } = judge({ ...GOOD, acks }, demands(`${fault}<1`));
    assertEquals([isDelivered, isPassed, gates[0]!.value], [true, false, 1]);
  });
}

for (
  const [name, part, isPassed] of [
    ["every message was acked", { acks: ACKS }, true],
    ["a message was refused", { acks: { ...ACKS, refused: 1 } }, false],
    ["a message has no answer", { acks: { ...ACKS, unanswered: 1 } }, false],
    ["an ack is for no message", { acks: { ...ACKS, unknown: 1 } }, false],
    ["an acked message reached nobody", { acks: { ...ACKS, unreached: 1 } }, false],
    ["the history has everything", { history: HISTORY }, true],
    ["the history lacks a message", { history: { ...HISTORY, unrecorded: 1 } }, false],
    ["the history has a message twice", { history: { ...HISTORY, duplicated: 1 } }, false],
    ["the history could not be read", { history: { ...HISTORY, failure: "no" } }, false],
  ] as const
) {
  Deno.test(`judge() ${isPassed ? "passes" : "fails"} a run if ${name}`, () => {
    const verdict = judge({ ...GOOD, ...part }, demands());
    assertEquals([verdict.isDelivered, verdict.isPassed], [true, isPassed]);
  });
}

Deno.test("judge() compares acks, the history, and a storm with gates, if they were measured", () => {
  const texts = ["refused=0", "unanswered=0", "unreached=0", "unrecorded=0", "missed=0"];
  const storm = summarizeStorm([], { isResumed: false });
  const measured = { ...GOOD, acks: ACKS, history: HISTORY, storm };
  for (const [measurement, isPassed] of [[measured, true], [GOOD, false]] as const) {
    const { gates } = judge(measurement, demands(...texts));
    assertEquals(gates.map((gate) => gate.isPassed), texts.map(() => isPassed));
  }
});
