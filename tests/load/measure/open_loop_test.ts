import { assertEquals } from "@std/assert";
import { sendOnSchedule } from "../../../lib/load/measure/open_loop.ts";

/** Runs a schedule with a clock of its own, on which each wait takes as long as told and each message this long. */
async function dueTimes(
  { ratePerSecond, endMs, startMs = 0, sendMs = 0, stopAtMs = Infinity }: {
    readonly ratePerSecond: number;
    readonly endMs: number;
    readonly startMs?: number;
    readonly sendMs?: number;
    readonly stopAtMs?: number;
  },
) {
  let nowMs = 0;
  const sent: [dueMs: number, atMs: number][] = [];
  const stop = new AbortController();
  const pass = (ms: number) => {
    nowMs += ms;
    if (nowMs >= stopAtMs) stop.abort();
  };
  await sendOnSchedule({
    ratePerSecond,
    startMs,
    endMs,
    signal: stop.signal,
    nowMs: () => nowMs,
    wait: (ms) => Promise.resolve(pass(Math.max(ms, 0))),
    send: (dueMs) => {
      sent.push([dueMs, nowMs]);
      pass(sendMs);
    },
  });
  return { sent, nowMs };
}

for (
  const [name, options, sent, endedMs] of [
    [
      "sends the first at once, and what is due at the end no more",
      {
        ratePerSecond: 100,
        endMs: 30,
      },
      [[0, 0], [10, 10], [20, 20]],
      30,
    ],
    ["waits for its start", { ratePerSecond: 100, startMs: 5, endMs: 20 }, [
      [5, 5],
      [15, 15],
    ], 20],
    [
      "keeps to its plan when sending is slow, and sends what is late until the end",
      { ratePerSecond: 100, endMs: 30, sendMs: 25 },
      [[0, 0], [10, 25], [20, 50]],
      75,
    ],
    ["ends when it is stopped", { ratePerSecond: 100, endMs: 1000, stopAtMs: 20 }, [
      [0, 0],
      [10, 10],
    ], 20],
    ["sends nothing in no time", { ratePerSecond: 100, endMs: 0 }, [], 0],
  ] as const
) {
  Deno.test(`sendOnSchedule() ${name}`, async () => {
    const { sent: actual, nowMs } = await dueTimes(options);
    assertEquals(actual.map((each) => [...each]), sent.map((each) => [...each]));
    assertEquals(nowMs, endedMs);
  });
}

Deno.test("sendOnSchedule() sends each of many messages once, in bursts with a wait between", async () => {
  const { sent } = await dueTimes({ ratePerSecond: 100_000, endMs: 10, sendMs: 0.1 });
  assertEquals(sent.map(([dueMs]) => Math.round(dueMs * 100)), [...Array(1000).keys()]);
});
