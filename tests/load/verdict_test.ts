import { assertEquals } from "@std/assert";
import { parseGate } from "../../lib/load/gate.ts";
import type { Measurement } from "../../lib/load/measured_run.ts";
import { Summary } from "../../lib/load/summary.ts";
import { judge } from "../../lib/load/verdict.ts";

const LATENCY = { count: 100, p50: 1, p90: 2, p99: 3, "p99.9": 4, max: 5 };

const GOOD: Measurement = {
  summary: new Summary(),
  ledger: {
    sent: 10,
    delivered: 20,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    echoed: 0,
    foreign: 3,
  },
  offeredRate: 100,
  achievedRate: 100,
  deliveriesPerSecond: 200,
  latency: LATENCY,
  slip: LATENCY,
  unsent: 0,
};

Deno.test("judge() finds no fault with a good run, though strangers talk too", () => {
  assertEquals(judge(GOOD, []), { isDelivered: true, clientLimits: [], gates: [] });
});

for (const fault of ["lost", "duplicated", "reordered", "corrupt"] as const) {
  Deno.test(`judge() does not call a run delivered in which something was ${fault}`, () => {
    const ledger = { ...GOOD.ledger, [fault]: 1 };
    const { isDelivered, gates } = judge({ ...GOOD, ledger }, [parseGate(`${fault}=0`)!]);
    assertEquals([isDelivered, gates[0]!.isPassed], [false, false]);
  });
}

for (
  const [part, limit] of [
    [{ achievedRate: 90 }, "it sent 90.0 of 100 messages/s"],
    [{ slip: { ...LATENCY, p99: 25 } }, "1 % of the messages were sent 25.0 ms late or more"],
  ] as const
) {
  Deno.test(`judge() says of a client that was the limit: ${limit}`, () => {
    assertEquals(judge({ ...GOOD, ...part }, []).clientLimits, [limit]);
  });
}

Deno.test("judge() holds each measure against its gate", () => {
  const texts = ["p50<=1ms", "p99.9<4ms", "failed=0", "rate>=100", "deliveries>200"];
  const { gates } = judge(GOOD, texts.map((text) => parseGate(text)!));
  assertEquals(gates.map(({ isPassed }) => isPassed), [true, false, true, true, false]);
});

Deno.test("judge() takes an echo for no fault, and lets a gate find it", () => {
  const ledger = { ...GOOD.ledger, echoed: 10 };
  const { isDelivered, gates } = judge({ ...GOOD, ledger }, [parseGate("echoed=0")!]);
  assertEquals([isDelivered, gates[0]!.isPassed], [true, false]);
});

Deno.test("judge() calls a run in which nothing was sent no proof of anything", () => {
  const ledger = { ...GOOD.ledger, sent: 0, delivered: 0 };
  const { isDelivered, gates } = judge({ ...GOOD, ledger }, [parseGate("lost=0")!]);
  assertEquals([isDelivered, gates[0]!.isPassed], [false, false]);
});

Deno.test("judge() does not blame the client for senders that the server has thrown out", () => {
  assertEquals(judge({ ...GOOD, achievedRate: 50, unsent: 50 }, []).clientLimits, []);
});
