import { assert, assertEquals } from "@std/assert";
import { EXIT_CODE } from "../../lib/cli/exit_code.ts";
import type { TimelinePoint } from "../../lib/load/measure/recorder.ts";
import type { ClientConfig } from "../../lib/load/config.ts";
import { fair, measure, type Relay, serve } from "./measured.ts";

/** Relays the messages of these indexes. */
function relayingIf(isRelayed: (index: number) => boolean): Relay {
  return (text, index, others, self) => {
    if (isRelayed(index)) fair(text, index, others, self);
  };
}

const STAGES = { rate: 0, stage: ["200ms:100", "300ms:100", "200ms:0"] };

const THREADS: readonly [name: string, overrides: Partial<ClientConfig>, receivers: number][] = [
  ["one thread", {}, 2],
  ["three threads", { count: 7, senders: 2, workers: 3 }, 6],
];

for (const [name, overrides, receivers] of THREADS) {
  Deno.test(`--stage changes the rate evenly, with exact counts of each stage, in ${name}`, async () => {
    await using server = serve(fair);
    const { json, exitCode } = await measure(server.addr.port, { ...STAGES, ...overrides });
    const { messages, stages, rates, latencyMs, delivery, aborted } = json();
    assertEquals([messages.sent, delivery.delivered], [50, 50 * receivers]);
    // deno-lint-ignore no-explicit-any
    const of = (key: string) => stages.map((stage: any) => stage[key]);
    assertEquals(of("sent"), [10, 30, 10]);
    assertEquals([of("startRate"), of("rate")], [[0, 100, 100], [100, 100, 0]]);
    assertEquals([of("seconds"), of("lost")], [[0.2, 0.3, 0.2], [0, 0, 0]]);
    assertEquals(of("achievedRate").map(Math.round), [50, 100, 50]);
    assertEquals(
      of("latencyMs").map(({ count }: { readonly count: number }) => count),
      [10 * receivers, 30 * receivers, 10 * receivers],
    );
    // There is no warm-up.
    assertEquals(latencyMs.delivery.count, 50 * receivers);
    assertEquals(Math.round(rates.offeredRate * 0.7), 50);
    assertEquals([exitCode, aborted], [EXIT_CODE.ok, null]);
  });
}

Deno.test("--stage attributes what is missing at the end to the last stage", async () => {
  await using server = serve(relayingIf((index) => index !== 45));
  const { json, exitCode } = await measure(server.addr.port, STAGES);
  const { stages, delivery } = json();
  assertEquals(stages.map(({ lost }: { readonly lost: number }) => lost), [0, 0, 2]);
  assertEquals([delivery.lost, exitCode], [2, EXIT_CODE.failure]);
});

Deno.test("--stage begins at --rate, which the warm-up sends too", async () => {
  await using server = serve(fair);
  const { json } = await measure(server.addr.port, {
    rate: 100,
    warmupMs: 100,
    stage: ["200ms:300"],
  });
  const { messages, stages, latencyMs } = json();
  assertEquals([messages.sent, stages.length, stages[0].sent], [50, 1, 40]);
  assertEquals([stages[0].startRate, latencyMs.delivery.count], [100, 80]);
});

Deno.test("--stage expects only the messages of the time that an interrupted run lasted", async () => {
  await using server = serve(fair);
  const interrupt = new AbortController();
  const timeline: TimelinePoint[] = [];
  const { json } = await measure(server.addr.port, {
    rate: 0,
    stage: ["500ms:100", "1h:100", "1h:1000"],
  }, {
    signal: interrupt.signal,
    onProgress: (point) => {
      timeline.push(point);
      if (point.stage === 2) interrupt.abort();
    },
  });
  const { stages, rates } = json();
  assertEquals([stages.length, stages[0].seconds, stages[0].sent], [2, 0.5, 25]);
  assert(rates.offeredRate > 50 && rates.offeredRate <= 100);
  assertEquals(timeline.find(({ phase }) => phase === "steady")?.stage, 1);
  assertEquals(timeline.findLast(({ phase }) => phase === "draining")?.stage, undefined);
});

Deno.test("--abort ends the run when a gate holds, names the gate, and exits with 99", async () => {
  await using server = serve(relayingIf((index) => index !== 3));
  const { json, exitCode } = await measure(server.addr.port, {
    rate: 50,
    durationMs: 3_600_000,
    abort: ["p99>60s", "lost>0", "failed>0"],
  });
  const { aborted, passed, delivery, rates } = json();
  assertEquals([aborted.gate, passed], ["lost>0", false]);
  assert(aborted.value > 0 && aborted.steadySeconds >= 0.5);
  assertEquals([delivery.lost, exitCode], [2, EXIT_CODE.gate]);
  assertEquals(rates.offeredRate, 50);
});

Deno.test("--abort finds a server that has stalled", async () => {
  await using server = serve(relayingIf((index) => index < 10));
  const { json, exitCode } = await measure(server.addr.port, {
    rate: 50,
    durationMs: 3_600_000,
    abort: ["deliveries<1"],
  });
  assertEquals(json().aborted.gate, "deliveries<1");
  assertEquals(exitCode, EXIT_CODE.gate);
});

Deno.test("--abort does not end a run in which no gate holds", async () => {
  await using server = serve(fair);
  const { json, exitCode } = await measure(server.addr.port, {
    rate: 100,
    durationMs: 2000,
    abort: ["p99>60s", "lost>0"],
  });
  assertEquals([json().aborted, json().messages.sent, exitCode], [null, 200, EXIT_CODE.ok]);
});
