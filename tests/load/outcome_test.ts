import { assertEquals } from "@std/assert";
import { EXIT_CODE } from "../../lib/cli/exit_code.ts";
import { isRatePassed } from "../../lib/load/outcome.ts";
import { parseGates } from "../../lib/load/report/gate.ts";
import { judge } from "../../lib/load/report/verdict.ts";
import { measure } from "./measured.ts";
import { ACKS, GOOD, HISTORY } from "./report/measurements.ts";
import { ScriptedChorus } from "./scripted_chorus.ts";

for (
  const [name, part, isPassed, count = 3] of [
    ["nothing is wrong", {}, true],
    ["a user did not connect", {}, false, 4],
    ["a gate fails", { ledger: { ...GOOD.ledger, lost: 1 } }, false],
    ["no gate limits what is wrong", { ledger: { ...GOOD.ledger, reordered: 1 } }, true],
    ["90 % of it was sent", { achievedRate: 90 }, true],
    ["less than 90 % of it was sent", { achievedRate: 89 }, false],
    ["all messages were acked", { acks: ACKS }, true],
    ["a message was refused", { acks: { ...ACKS, refused: 1 } }, false],
    ["a message has no answer", { acks: { ...ACKS, unanswered: 1 } }, false],
    ["an ack is for no message", { acks: { ...ACKS, unknown: 1 } }, false],
    ["an acked message reached nobody", { acks: { ...ACKS, unreached: 1 } }, false],
    ["the history is right", { history: HISTORY }, true],
    ["the history lacks a message", { history: { ...HISTORY, unrecorded: 1 } }, false],
    ["the history could not be read", { history: { ...HISTORY, failure: "no" } }, false],
    ["receivers saw different orders", {
      ledger: { ...GOOD.ledger, misordered: 1 },
      uncompared: 0,
    }, false],
  ] as const
) {
  Deno.test(`isRatePassed() ${isPassed ? "passes" : "fails"} a rate if ${name}`, () => {
    const measurement = { ...GOOD, ...part };
    const gates = parseGates("lost=0,p99<1s")!;
    const verdict = judge(measurement, { gates, count, isStrict: false });
    assertEquals(isRatePassed(measurement, verdict, { rate: 100, count }), isPassed);
  });
}

Deno.test("--find-max passes no rate at which the history lacks a message", async () => {
  await using server = new ScriptedChorus({ history: (all) => all.slice(1) });
  const { json, exitCode } = await measure(server.port, {
    ...{ protocol: ["chorus.v1"], check: ["history"], findMax: "lost=0" },
    ...{ rate: 1, durationMs: 1000 },
  });
  const { maxRate, runs } = json();
  assertEquals([maxRate, runs.length, exitCode], [0, 1, EXIT_CODE.gate]);
});
