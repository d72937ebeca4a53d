import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EXIT_CODE } from "../../../lib/cli/exit_code.ts";
import { tempFile } from "../../socket/data_file.ts";
import { startTestApp } from "../../socket/test_app.ts";
import { CLEAN, fair, measure, serve } from "../measured.ts";
import { type ChorusScript, ScriptedChorus, type ScriptedMember } from "../scripted_chorus.ts";

/** Cuts off the second of three users, which only listens. The first user sends. */
const LISTENER = { storm: "1@100ms", rate: 100, durationMs: 1000 };

/** Cuts off all three users. */
const ALL = { ...LISTENER, storm: "100%@100ms", durationMs: 1500 };

/** Cuts off all three users, after up to 50 messages. */
const LATE = { ...LISTENER, storm: "100%@500ms", durationMs: 2000 };

/** Waits for so long for what is under way that a test does not end if a run waits in vain. */
const HOUR = { drainTimeoutMs: 3_600_000 };

const CHORUS = { protocol: ["chorus.v1"] };

const GAP = { type: "gap", after: "e-1", before: "e-3", missedCount: 1, reason: "expired" };

const REPLAYS: readonly [
  name: string,
  script: ChorusScript,
  storm: Readonly<Record<string, number>>,
  delivery: Partial<typeof CLEAN>,
][] = [
  ["replays all that a user missed", {}, { lost: 0, duplicated: 0 }, {}],
  [
    "leaves a hole in the replay",
    {
      replay: (missed) => missed.filter((_, at) => at !== 1),
    },
    { lost: 1, duplicated: 0 },
    { lost: 1 },
  ],
  [
    "leaves out the first two messages, and reports a gap",
    {
      replay: (missed) => [GAP, ...missed.slice(2)],
    },
    { lost: 2, duplicated: 0 },
    { lost: 2 },
  ],
  [
    "replays the first message twice",
    {
      replay: (missed) => [missed[0]!, ...missed],
    },
    { lost: 0, duplicated: 1 },
    { duplicated: 1 },
  ],
];

for (const [name, script, storm, counts] of REPLAYS) {
  Deno.test(`Storm has exact counts if the server ${name}`, async () => {
    await using server = new ScriptedChorus(script);
    const { json, exitCode } = await measure(server.port, { ...CHORUS, ...LISTENER });
    const { storm: found, delivery, messages, connections, acks } = json();
    const { lost = 0, duplicated = 0 } = counts;
    const delivered = 2 * messages.sent - lost;
    assertEquals(delivery, { ...CLEAN, delivered, lost, duplicated });
    assertEquals([found.cut, found.back, found.upToDate], [1, 1, 1]);
    assertEquals({ lost: found.lost, duplicated: found.duplicated }, storm);
    assert(found.backMs.all <= found.upToDateMs.all);
    assertEquals([connections.lost, connections.closeCodes], [0, { 1000: 3 }]);
    assertEquals(acks.gaps, name.includes("gap") ? { expired: { count: 1, missed: 1 } } : {});
    assertEquals(exitCode, lost + duplicated === 0 ? EXIT_CODE.ok : EXIT_CODE.failure);
  });
}

Deno.test("Storm publishes messages again that have no ack, each with its id", async () => {
  let first: ScriptedMember | undefined;
  let unackedCount = 0;
  await using server = new ScriptedChorus({
    // On the sender's first connection, the server publishes the first message, but its ack is
    // lost. It reads nothing more.
    onSay: ({ id, text }, { self, server }) => {
      first ??= self;
      if (self !== first) {
        return self.send({ type: "ack", id, position: server.publish(text, self, id) });
      }
      if (unackedCount++ === 0) server.publish(text, self, id);
    },
  });
  const { json, exitCode } = await measure(server.port, { ...CHORUS, ...LATE });
  const { storm, delivery, messages, acks } = json();
  assert(unackedCount > 0 && storm.publishedAgain >= unackedCount);
  assertEquals([storm.back, storm.upToDate, storm.lost, storm.duplicated], [3, 3, 0, 0]);
  assertEquals(delivery, { ...CLEAN, delivered: 2 * messages.sent });
  assertEquals([acks.acked, acks.unanswered, exitCode], [messages.sent, 0, EXIT_CODE.ok]);
});

Deno.test("Storm does not count a replay of the user's own messages as echoes", async () => {
  await using server = new ScriptedChorus({
    replay: (missed, { id }, all) => [...all.filter(({ from }) => from === id), ...missed],
  });
  const { json, exitCode } = await measure(server.port, { ...CHORUS, ...ALL });
  const { delivery, messages } = json();
  assertEquals(delivery, { ...CLEAN, delivered: 2 * messages.sent });
  assertEquals(exitCode, EXIT_CODE.ok);
});

Deno.test("Storm counts what users without a position missed while they were away", async () => {
  await using server = serve(fair);
  const { json, text, exitCode } = await measure(server.addr.port, {
    ...LISTENER,
    expect: ["missed>0"],
  });
  const { storm, delivery, messages, acks } = json();
  assert(storm.missed > 0, text);
  assertEquals(delivery, { ...CLEAN, delivered: 2 * messages.sent - storm.missed });
  assertEquals([storm.cut, storm.back, storm.cutOff, storm.isResumed], [1, 1, 0, false]);
  assertEquals([acks, exitCode], [null, EXIT_CODE.ok]);
});

Deno.test("Storm does not count messages as lost that were cut off with their sender", async () => {
  let first: WebSocket | undefined;
  let count = 0;
  await using server = serve((text, index, others, self) => {
    first ??= self;
    // The sender's first connection is not read after the first message.
    if (self !== first || count++ === 0) fair(text, index, others, self);
  });
  const { json, exitCode } = await measure(server.addr.port, LATE);
  const { storm, delivery, messages } = json();
  assert(count > 1 && storm.cutOff >= count - 1);
  const delivered = 2 * (messages.sent - storm.cutOff) - storm.missed;
  assertEquals(delivery, { ...CLEAN, delivered });
  assertEquals([storm.cut, storm.back, exitCode], [3, 3, EXIT_CODE.ok]);
});

Deno.test("Storm counts messages as lost that the server acked over HTTP and dropped", async () => {
  const sockets: WebSocket[] = [];
  let droppedCount = 0;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (request.headers.has("upgrade")) {
        const { socket, response } = Deno.upgradeWebSocket(request);
        sockets.push(socket);
        return response;
      }
      const text = await request.text();
      // Until the user that was cut off is back.
      if (sockets.length <= 3) droppedCount++;
      else {
        for (const each of sockets) if (each.readyState === WebSocket.OPEN) each.send(text);
      }
      return new Response();
    },
  );
  // All three users publish. The second is cut off.
  const { text, json, exitCode } = await measure(server.addr.port, {
    ...LISTENER,
    publish: "http",
    senders: 3,
  });
  const { storm, delivery, acks, messages } = json();
  assertEquals([storm.cut, storm.back, storm.cutOff], [1, 1, 0], text);
  assert(droppedCount > 0);
  assertEquals([acks.acked, delivery.lost], [messages.sent, 2 * droppedCount]);
  assertEquals(exitCode, EXIT_CODE.failure);
});

Deno.test("Storm waits no longer for a listener that is away when the run is interrupted", async () => {
  const stop = new AbortController();
  let count = 0;
  await using server = new ScriptedChorus({
    respond: () => {
      if (++count <= 3) return;
      stop.abort();
      return new Response("full", { status: 503 });
    },
  });
  const { text } = await measure(
    server.port,
    { ...CHORUS, ...LISTENER, ...HOUR, json: false },
    { signal: stop.signal },
  );
  assertMatch(
    text,
    /^Every message arrived .*; 1 of 1 users that were cut off did not come back$/m,
  );
});

Deno.test("Storm waits no longer for the acks of a sender that is away after an interrupt", async () => {
  const stop = new AbortController();
  let sender: ScriptedMember | undefined;
  let refusedCount = 0;
  await using server = new ScriptedChorus({
    onSay: ({ id, text }, { self, server }) => {
      sender ??= self;
      server.publish(text, self, id);
    },
    respond: ({ url }) => {
      if (!sender || new URL(url).searchParams.get("session") !== sender.id) return;
      // The others are back before the second attempt.
      if (++refusedCount === 2) stop.abort();
      return new Response("full", { status: 503 });
    },
  });
  const { text, json } = await measure(server.port, { ...CHORUS, ...LATE, ...HOUR }, {
    signal: stop.signal,
  });
  const { storm, acks, messages } = json();
  assertEquals([storm.cut, storm.back], [3, 2], text);
  assertEquals([acks.acked, acks.unanswered], [0, messages.sent]);
});

Deno.test("Storm tries again after a longer time, and counts the failed attempts", async () => {
  let count = 0;
  await using server = new ScriptedChorus({
    respond: () => {
      count++;
      return count === 4 ? new Response("full", { status: 503 }) : undefined;
    },
  });
  const { json, text, exitCode } = await measure(server.port, { ...CHORUS, ...LISTENER });
  const { storm, delivery, messages, connections } = json();
  assertEquals([storm.failures, storm.back, storm.upToDate], [{ "HTTP 503": 1 }, 1, 1], text);
  assertEquals(delivery, { ...CLEAN, delivered: 2 * messages.sent });
  assertEquals([connections.failed, connections.lost, exitCode], [0, 0, EXIT_CODE.ok]);
});

Deno.test("Storm counts users as lost that cannot reconnect", async () => {
  let count = 0;
  await using server = new ScriptedChorus({
    respond: () => ++count > 3 ? new Response("full", { status: 503 }) : undefined,
  });
  const { json, exitCode } = await measure(server.port, { ...CHORUS, ...LISTENER });
  const { storm, connections } = json();
  assertEquals([storm.cut, storm.back, storm.backMs.half], [1, 0, null]);
  assertEquals(connections.losses, { "could not reconnect": 1 });
  assertEquals(exitCode, EXIT_CODE.failure);
});

for (const [place, workers] of [["in memory", 1], ["in a file", 2]] as const) {
  Deno.test(`Storm loses nothing at a real server that stores messages ${place}`, async () => {
    await using file = await tempFile();
    await using server = await startTestApp(place === "in a file" ? { data: file.path } : {});
    const { json, text, exitCode } = await measure(server.port, {
      ...CHORUS,
      storm: "50%@100ms",
      count: 40,
      senders: 0,
      rate: 200,
      durationMs: 1500,
      workers,
    });
    const { storm, delivery, messages, acks } = json();
    assertEquals(delivery, { ...CLEAN, delivered: 39 * messages.sent });
    assertEquals([storm.cut, storm.back, storm.upToDate], [20, 20, 20]);
    assertEquals([storm.lost, storm.duplicated, acks.gaps], [0, 0, {}]);
    assertEquals([acks.acked, acks.unanswered, acks.unknown], [messages.sent, 0, 0], text);
    assertEquals(exitCode, EXIT_CODE.ok);
  });
}

Deno.test("Storm is in the text report", async () => {
  await using server = new ScriptedChorus();
  const { text } = await measure(server.port, { ...CHORUS, ...LISTENER, json: false });
  assertStringIncludes(text, "\nStorm\n  cut          1\n  back         1: half after 0.");
  assertStringIncludes(text, "\n  lost         0 over the break\n");
});
