import { assert, assertEquals } from "@std/assert";
import { EXIT_CODE } from "../../lib/cli/exit_code.ts";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS } from "../../lib/load/config.ts";
import type { TimelinePoint } from "../../lib/load/measure/recorder.ts";
import { runClient } from "../../lib/load/outcome.ts";
import { targetOf } from "../../lib/load/users/connection/target.ts";

/** A server that relays a message to the other users if `isRelayed` says so. */
function serve(isRelayed: (index: number) => boolean = () => true) {
  const sockets = new Set<WebSocket>();
  let index = 0;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => {
      if (!isRelayed(index++)) return;
      for (const other of sockets) {
        if (other !== socket && other.readyState === WebSocket.OPEN) other.send(data);
      }
    };
    return response;
  });
}

/** Measures a server with three users, the first of which sends. */
async function measure(
  port: number,
  args: readonly string[],
  { interruptAt }: { readonly interruptAt?: (point: TimelinePoint) => boolean } = {},
) {
  const { config, faults } = parseFlags(CLIENT_FLAGS, {
    args: [
      ...[`--url=ws://127.0.0.1:${port}/ws`, "--count=3", "--stagger=0", "--drain-timeout=500ms"],
      ...["--senders=1", "--json", ...args],
    ],
  });
  assertEquals(faults, []);
  const interrupt = new AbortController();
  const timeline: TimelinePoint[] = [];
  const { report, exitCode } = await runClient(config, {
    target: await targetOf(config),
    signal: interrupt.signal,
    printMessage: () => {},
    printNotice: () => {},
    onProgress: (point) => {
      timeline.push(point);
      if (interruptAt?.(point)) interrupt.abort();
    },
    random: () => 0.5,
  });
  const text = report({ url: config.url, count: config.count, elapsedMs: 1, isInterrupted: false });
  return { json: () => JSON.parse(text), exitCode, timeline };
}

const STAGES = ["--stage=200ms:100", "--stage=300ms:100", "--stage=200ms:0"];

for (const args of [[], ["--count=7", "--senders=2", "--workers=3"]]) {
  const name = args.length === 0 ? "one thread" : "three threads";
  Deno.test(`--stage changes the rate evenly, with exact counts of each stage, in ${name}`, async () => {
    await using server = serve();
    const { json, exitCode } = await measure(server.addr.port, [...STAGES, ...args]);
    const { messages, stages, rates, latencyMs, delivery, aborted } = json();
    const receivers = args.length === 0 ? 2 : 6;
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
  await using server = serve((index) => index !== 45);
  const { json, exitCode } = await measure(server.addr.port, STAGES);
  const { stages, delivery } = json();
  assertEquals(stages.map(({ lost }: { readonly lost: number }) => lost), [0, 0, 2]);
  assertEquals([delivery.lost, exitCode], [2, EXIT_CODE.failure]);
});

Deno.test("--stage begins at --rate, which the warm-up sends too", async () => {
  await using server = serve();
  const { json } = await measure(server.addr.port, [
    ...["--rate=100", "--warmup=100ms", "--stage=200ms:300"],
  ]);
  const { messages, stages, latencyMs } = json();
  assertEquals([messages.sent, stages.length, stages[0].sent], [50, 1, 40]);
  assertEquals([stages[0].startRate, latencyMs.delivery.count], [100, 80]);
});

Deno.test("--stage expects only the messages of the time that an interrupted run lasted", async () => {
  await using server = serve();
  const { json, timeline } = await measure(server.addr.port, [
    ...["--stage=500ms:100", "--stage=1h:100", "--stage=1h:1000"],
  ], { interruptAt: ({ stage }) => stage === 2 });
  const { stages, rates } = json();
  assertEquals([stages.length, stages[0].seconds, stages[0].sent], [2, 0.5, 25]);
  assert(rates.offeredRate > 50 && rates.offeredRate <= 100);
  assertEquals(timeline.find(({ phase }) => phase === "steady")?.stage, 1);
  assertEquals(timeline.findLast(({ phase }) => phase === "draining")?.stage, undefined);
});

Deno.test("--abort ends the run when a gate holds, names the gate, and exits with 99", async () => {
  await using server = serve((index) => index !== 3);
  const { json, exitCode } = await measure(server.addr.port, [
    ...["--rate=50", "--warmup=0", "--duration=1h", "--abort=p99>60s,lost>0", "--abort=failed>0"],
  ]);
  const { aborted, passed, delivery, rates } = json();
  assertEquals([aborted.gate, passed], ["lost>0", false]);
  assert(aborted.value > 0 && aborted.steadySeconds >= 0.5);
  assertEquals([delivery.lost, exitCode], [2, EXIT_CODE.gate]);
  assertEquals(rates.offeredRate, 50);
});

Deno.test("--abort finds a server that has stalled", async () => {
  await using server = serve((index) => index < 10);
  const { json, exitCode } = await measure(server.addr.port, [
    ...["--rate=50", "--warmup=0", "--duration=1h", "--abort=deliveries<1"],
  ]);
  assertEquals(json().aborted.gate, "deliveries<1");
  assertEquals(exitCode, EXIT_CODE.gate);
});

Deno.test("--abort does not end a run in which no gate holds", async () => {
  await using server = serve();
  const { json, exitCode } = await measure(server.addr.port, [
    ...["--rate=100", "--warmup=0", "--duration=2s", "--abort=p99>60s,lost>0"],
  ]);
  assertEquals([json().aborted, json().messages.sent, exitCode], [null, 200, EXIT_CODE.ok]);
});
