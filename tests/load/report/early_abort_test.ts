import { assertEquals } from "@std/assert";
import { NO_COUNTS } from "../../../lib/load/measure/ledger/delivery_counts.ts";
import { EarlyAbort, type RunSoFar, runSoFar } from "../../../lib/load/report/early_abort.ts";
import { parseGate } from "../../../lib/load/report/gate.ts";
import { LATENCY } from "./measurements.ts";

/** A second in which 10 messages are sent to 2 receivers. */
const SECOND: RunSoFar = {
  atMs: 1000,
  sent: 10,
  ledger: { ...NO_COUNTS, delivered: 20 },
  failed: 1,
  latency: LATENCY,
};

const START: RunSoFar = { ...SECOND, atMs: 0, sent: 0, ledger: NO_COUNTS, latency: undefined };

for (
  const [gates, now, holding] of [
    [["p99>2s", "lost>0"], {}, undefined],
    [["p99>2ms", "lost>0"], {}, ["p99>2ms", 3]],
    [["p99>2s", "lost>0"], { ledger: { ...NO_COUNTS, lost: 2 } }, ["lost>0", 2]],
    [["p99>2ms"], { latency: undefined }, undefined],
    [["failed>0"], {}, ["failed>0", 1]],
    [["rate<10"], {}, undefined],
    [["rate<11"], {}, ["rate<11", 10]],
    // A stalled server: nothing arrives, and the latencies do not rise.
    [["deliveries<1"], { ledger: NO_COUNTS }, ["deliveries<1", 0]],
    [["deliveries<1"], { atMs: 400, ledger: NO_COUNTS }, undefined],
    [[], {}, undefined],
  ] as const
) {
  const name = `${gates.join(",") || "no gates"} and ${JSON.stringify(now)}`;
  Deno.test(`EarlyAbort.judge() finds ${holding?.[0] ?? "nothing"} with ${name}`, () => {
    const abort = new EarlyAbort(gates.map((text) => parseGate(text)!));
    assertEquals(abort.judge(START), undefined);
    const hit = abort.judge({ ...SECOND, ...now });
    assertEquals(hit && [hit.gate.text, hit.value!], holding && [...holding]);
  });
}

Deno.test("EarlyAbort.judge() takes rates since the call before", () => {
  const abort = new EarlyAbort([parseGate("rate<5")!]);
  abort.judge(START);
  assertEquals(abort.judge(SECOND), undefined);
  const hit = abort.judge({ ...SECOND, atMs: 2000, sent: 14 });
  assertEquals(hit?.value, 4);
});

Deno.test("runSoFar() adds up what the workers counted", () => {
  const { sent, ledger, failed, atMs } = runSoFar([SECOND, SECOND], SECOND);
  assertEquals([sent, ledger.delivered, failed, atMs], [20, 40, 2, 1000]);
});
