import { assertEquals } from "@std/assert";
import { findMaxJsonReport, findMaxTextReport } from "../../../lib/load/report/find_max_report.ts";
import { judge } from "../../../lib/load/report/verdict.ts";
import { ACKS, GOOD, HISTORY } from "./measurements.ts";

const FACTS = { url: "ws://h/ws", count: 3, elapsedMs: 21_000, isInterrupted: false };

function result() {
  const slow = { ...GOOD, achievedRate: 100 };
  const limited = { ...GOOD, achievedRate: 150, offeredRate: 200 };
  return {
    gates: "p99<4ms",
    maxRate: 100,
    trials: [
      {
        rate: 200,
        measurement: limited,
        verdict: judge(limited, { gates: [], count: 3, isStrict: false }),
        isPassed: false,
      },
      {
        rate: 100,
        measurement: slow,
        verdict: judge(slow, { gates: [], count: 3, isStrict: false }),
        isPassed: true,
      },
    ],
  };
}

Deno.test("findMaxTextReport() shows the highest rate, a limit of the client, and every run", () => {
  assertEquals(
    findMaxTextReport(result(), FACTS),
    `The highest rate that passed p99<4ms is 100 messages/s
The client may have been the limit: it sent 150 of 200 messages/s

2 runs in 21.0 s with 3 users at ws://h/ws
   messages/s     achieved deliveries/s      p50, ms      p99, ms         lost
          100          100          200         1.00         3.00            0  passed
          200          150          200         1.00         3.00            0  failed`,
  );
});

Deno.test("findMaxTextReport() tells what was wrong besides deliveries at the lowest failed rate", () => {
  const { trials: [limited, passed], ...rest } = result();
  const measurement = {
    ...GOOD,
    ledger: { ...GOOD.ledger, misordered: 3 },
    uncompared: 0,
    acks: { ...ACKS, unknown: 2 },
    history: { ...HISTORY, unrecorded: 1 },
  };
  const wrong = { ...passed!, rate: 150, measurement, isPassed: false };
  const text = findMaxTextReport({ ...rest, trials: [limited!, wrong, passed!] }, FACTS);
  assertEquals(text.split("\n").slice(0, 6), [
    "The highest rate that passed p99<4ms is 100 messages/s",
    "The lowest rate that failed is 150 messages/s",
    "  Not every message arrived in one order: 3 misordered",
    "  Acks for messages that await none: 2",
    "  The history is wrong: 1 unrecorded",
    "",
  ]);
});

Deno.test("findMaxJsonReport() has its version, the highest rate, and every run", () => {
  const { version, maxRate, gates, runs } = JSON.parse(findMaxJsonReport(result(), FACTS));
  assertEquals([version, maxRate, gates], [2, 100, "p99<4ms"]);
  assertEquals(
    runs.map(({ rate, holds, clientLimits }: {
      readonly rate: number;
      readonly holds: boolean;
      readonly clientLimits: readonly string[];
    }) => [rate, holds, clientLimits.length]),
    [[200, false, 1], [100, true, 0]],
  );
});
