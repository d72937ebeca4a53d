import { assertEquals } from "@std/assert";
import { sendOnSchedule } from "../../../lib/load/pace/open_loop.ts";
import { constantPacer } from "../../../lib/load/pace/pacer.ts";

/** Sends on a simulated clock: a wait takes exactly as long as asked, and a message `sendMs`. */
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
    pacer: constantPacer(ratePerSecond),
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
      "sends the first message at once, and none that is due at the end",
      {
        ratePerSecond: 100,
        endMs: 30,
      },
      [[0, 0], [10, 10], [20, 20]],
      30,
    ],
    ["waits for the start", { ratePerSecond: 100, startMs: 5, endMs: 20 }, [
      [5, 5],
      [15, 15],
    ], 20],
    [
      "keeps its schedule when sending is slow, and sends all late messages",
      { ratePerSecond: 100, endMs: 30, sendMs: 25 },
      [[0, 0], [10, 25], [20, 50]],
      75,
    ],
    ["ends when the signal aborts", { ratePerSecond: 100, endMs: 1000, stopAtMs: 20 }, [
      [0, 0],
      [10, 10],
    ], 20],
    ["sends nothing if it ends at its start", { ratePerSecond: 100, endMs: 0 }, [], 0],
  ] as const
) {
  Deno.test(`sendOnSchedule() ${name}`, async () => {
    const { sent: actual, nowMs } = await dueTimes(options);
    assertEquals(actual.map((each) => [...each]), sent.map((each) => [...each]));
    assertEquals(nowMs, endedMs);
  });
}

Deno.test("sendOnSchedule() sends each message once at a high rate, in bursts with waits between", async () => {
  const { sent } = await dueTimes({ ratePerSecond: 100_000, endMs: 10, sendMs: 0.1 });
  assertEquals(sent.map(([dueMs]) => Math.round(dueMs * 100)), [...Array(1000).keys()]);
});
