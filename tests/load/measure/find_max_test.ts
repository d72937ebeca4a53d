import { assertEquals } from "@std/assert";
import { searchMaxRate } from "../../../lib/load/measure/find_max.ts";
import { findMaxJsonReport, findMaxTextReport } from "../../../lib/load/report/find_max_report.ts";
import { judge } from "../../../lib/load/report/verdict.ts";
import { GOOD } from "../report/measurements.ts";

async function ratesTried(firstRate: number, limit: number): Promise<number[]> {
  const trials = await searchMaxRate(
    firstRate,
    (rate) => Promise.resolve({ rate, holds: rate <= limit }),
  );
  return trials.map(({ rate }) => rate);
}

for (
  const [firstRate, limit, tried] of [
    [100, 1000, [100, 200, 400, 800, 1600, 1200, 1000, 1100, 1050]],
    [100, 10, [100, 50, 25, 12, 6, 9, 11, 10]],
    [100, 0, [100, 50, 25, 12, 6, 3, 1]],
    [1, 1, [1, 2]],
    [400_000, Infinity, [400_000, 800_000, 1_000_000]],
  ] as const
) {
  Deno.test(`searchMaxRate() from ${firstRate}, where ${limit} is the most, tries ${tried}`, async () => {
    assertEquals(await ratesTried(firstRate, limit), [...tried]);
  });
}

Deno.test("searchMaxRate() ends when there is nothing to try with", async () => {
  let left = 2;
  const trials = await searchMaxRate(
    1,
    (rate) => Promise.resolve(left-- > 0 ? { rate, holds: true } : undefined),
  );
  assertEquals(trials.length, 2);
});

const FACTS = { url: "ws://h/ws", count: 3, elapsedMs: 21_000, isInterrupted: false };

function result() {
  const slow = { ...GOOD, achievedRate: 100 };
  const limited = { ...GOOD, achievedRate: 150, offeredRate: 200 };
  return {
    gates: "p99<4ms",
    maxRate: 100,
    probes: [
      {
        rate: 200,
        measurement: limited,
        verdict: judge(limited, { gates: [], count: 3, isStrict: false }),
        holds: false,
      },
      {
        rate: 100,
        measurement: slow,
        verdict: judge(slow, { gates: [], count: 3, isStrict: false }),
        holds: true,
      },
    ],
  };
}

Deno.test("findMaxTextReport() says the answer, whether the client was the limit, and every run", () => {
  assertEquals(
    findMaxTextReport(result(), FACTS),
    `The highest rate that held p99<4ms is 100 messages/s
The client may have been the limit: it sent 150.0 of 200 messages/s

2 runs in 21.0 s with 3 users at ws://h/ws
   messages/s     achieved deliveries/s      p50, ms      p99, ms         lost
          100          100          200         1.00         3.00            0  held
          200          150          200         1.00         3.00            0  did not hold`,
  );
});

Deno.test("findMaxJsonReport() has its version, the answer and every run", () => {
  const { version, maxRate, gates, runs } = JSON.parse(findMaxJsonReport(result(), FACTS));
  assertEquals([version, maxRate, gates], [1, 100, "p99<4ms"]);
  assertEquals(
    runs.map(({ rate, holds, clientLimits }: {
      readonly rate: number;
      readonly holds: boolean;
      readonly clientLimits: readonly string[];
    }) => [rate, holds, clientLimits.length]),
    [[200, false, 1], [100, true, 0]],
  );
});
