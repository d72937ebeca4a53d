import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { EXIT_CODE } from "../../lib/cli/exit_code.ts";
import { ServerMetricsError } from "../../lib/load/measure/server_metrics.ts";
import { handshakeResponse } from "../../lib/websocket/handshake.ts";
import { readHead } from "../socket/handshake.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { CLEAN, fair, measure, type Relay, serve } from "./measured.ts";

/** A server that reads nothing after the handshake. */
function startBlockingServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    const conn = await listener.accept();
    const { head } = await readHead(conn);
    const key = /sec-websocket-key: *(.*)\r\n/i.exec(new TextDecoder().decode(head))![1]!;
    await conn.write(handshakeResponse(key));
    return conn;
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      (await accepting).close();
      listener.close();
    },
  };
}

function swapping(): Relay {
  let held = "";
  return (text, index, others) => {
    if (index === 2) held = text;
    else others.forEach((other) => other.send(text));
    if (index === 3) others.forEach((other) => other.send(held));
  };
}

/** A server that changes the third message for the first of its receivers. */
function changing(change: (text: string) => string): Relay {
  return (text, index, others) => {
    others.forEach((other, at) => other.send(index === 2 && at === 0 ? change(text) : text));
  };
}

/** Replaces the character at an index, from the end if it is negative. */
function withByte(at: number, by: string): (text: string) => string {
  return (text) => text.slice(0, at) + by + text.slice(at).slice(1);
}

const ONE_CORRUPT = { delivered: 19, corrupt: 1 };

const SERVERS: readonly [name: string, relay: Relay, counts: Partial<typeof CLEAN>][] = [
  ["relays every message", fair, {}],
  ["wraps messages in JSON", (text, _, others) => {
    for (const other of others) other.send(JSON.stringify({ name: "Bob", text }));
  }, {}],
  ["drops the third message", (text, index, others) => {
    if (index !== 2) others.forEach((other) => other.send(text));
  }, { delivered: 18, lost: 2 }],
  ["sends the third message to one receiver twice", (text, index, others) => {
    others.forEach((other) => other.send(text));
    if (index === 2) others[0]!.send(text);
  }, { duplicated: 1 }],
  ["swaps the third and the fourth message", swapping(), { reordered: 2 }],
  ["changes the first byte of a message", changing(withByte(0, "c")), ONE_CORRUPT],
  ["changes the last byte of a message", changing(withByte(-1, "!")), ONE_CORRUPT],
  ["changes a letter of the run", changing(withByte(21, "q")), ONE_CORRUPT],
  ["changes the last letter of the sequence number", changing(withByte(36, "p")), ONE_CORRUPT],
  ["changes the first tilde of a marker", changing(withByte(20, "-")), ONE_CORRUPT],
  ["cuts a message off before its end", changing((text) => text.slice(0, -1)), ONE_CORRUPT],
  ["cuts a message off in its marker", changing((text) => text.slice(0, 50)), ONE_CORRUPT],
  ["adds a byte to a message", changing((text) => `${text}!`), ONE_CORRUPT],
  ["removes a byte of a message", changing((text) => text.replace("~", "")), ONE_CORRUPT],
  ["damages a message so that nothing identifies it", changing(() => "!"), {
    delivered: 19,
    lost: 1,
    foreign: 1,
  }],
  ["echoes messages to their sender", (text, _, others, self) => {
    for (const each of [self, ...others]) each.send(text);
  }, { echoed: 10 }],
  ["sends a text of its own before each message", (text, _, others) => {
    for (const other of others) {
      other.send("note:");
      other.send(text);
    }
  }, { foreign: 20 }],
];

for (const [name, relay, counts] of SERVERS) {
  Deno.test(`runMeasured() has exact counts if the server ${name}`, async () => {
    await using server = serve(relay);
    const { json, exitCode } = await measure(server.addr.port);
    const { delivery, latencyMs, connections, messages } = json();
    assertEquals(messages.sent, 10);
    assertEquals(delivery, { ...CLEAN, ...counts });
    for (const each of [latencyMs.delivery, latencyMs.raw]) {
      assertEquals(each.count, delivery.delivered);
      assert(each.p50 <= each.p99 && each.p99 <= each.max);
    }
    const { first, last, spread, handshake } = latencyMs;
    assert(first.max <= last.max && spread.max <= last.max);
    const arrived = Math.ceil(delivery.delivered / 2);
    assertEquals([first.count, last.count, spread.count], [arrived, arrived, arrived]);
    assertEquals(handshake.count, 3);
    assertEquals(connections, {
      count: 3,
      opened: 3,
      failed: 0,
      failures: {},
      lost: 0,
      losses: {},
      cameBack: 0,
      closeCodes: { 1000: 3 },
      churned: 0,
    });
    const { lost, duplicated, reordered, corrupt, leaked } = delivery;
    const isClean = lost + duplicated + reordered + corrupt + leaked === 0;
    assertEquals(exitCode, isClean ? EXIT_CODE.ok : EXIT_CODE.failure);
    assertEquals(json().delivered, isClean);
  });
}

Deno.test("runMeasured() names the changed byte of a message, its sender, and its receiver", async () => {
  await using server = serve(changing(withByte(-1, "!")));
  const { text } = await measure(server.addr.port, { json: false, size: 100 });
  assertMatch(
    text,
    /\n {2}corrupt: Message 3 of user 1 arrived at user 2 damaged: byte 99 is 0x21 \(!\) instead/,
  );
});

Deno.test("runMeasured() finds every message corrupt if the server changes a byte of each", async () => {
  await using server = serve((text, _, others) => {
    others.forEach((other) => other.send(withByte(0, "c")(text)));
  });
  const { json } = await measure(server.addr.port);
  assertEquals(json().delivery, { ...CLEAN, delivered: 0, corrupt: 20 });
});

Deno.test("runMeasured() says that it does not check texts that the server changes", async () => {
  await using server = serve((text, _, others) => {
    others.forEach((other) => other.send(text.replace("says hello", "said")));
  });
  const { text } = await measure(server.addr.port, { json: false });
  assertStringIncludes(
    text,
    "20 deliveries; the server changes the text around markers, so it was not checked in 20 of",
  );
});

/** A server whose last receiver gets the third message after the next one of another sender. */
function swappingForOne(): Relay {
  const held: string[] = [];
  return (text, index, others) => {
    const odd = others.at(-1)!;
    others.slice(0, -1).forEach((other) => other.send(text));
    if (index === 2 || held[0]?.slice(0, 8) === text.slice(0, 8)) return void held.push(text);
    odd.send(text);
    held.splice(0).forEach((each) => odd.send(each));
  };
}

for (const workers of [1, 2]) {
  Deno.test(`runMeasured() with ${workers} workers finds two messages that one user got in another order`, async () => {
    await using server = serve(swappingForOne());
    const { json } = await measure(server.addr.port, {
      count: 6,
      senders: 2,
      check: ["order"],
      workers,
    });
    const { delivery, delivered, faults, uncompared } = json();
    assertEquals(delivery, { ...CLEAN, delivered: 50, misordered: 1 });
    assertEquals([delivered, uncompared, faults.length], [false, 0, 1]);
    assertMatch(
      faults[0].text,
      /^Users \d and \d got message \d of user \d and message \d of user \d in different orders$/,
    );
  });
}

Deno.test("runMeasured() finds one order in Chorus, and checks it with --verify", async () => {
  await using server = await startTestApp();
  const { json } = await measure(server.port, {
    count: 6,
    senders: 0,
    rate: 0,
    verify: true,
    every: "fixed",
    intervalMs: 5,
    durationMs: 200,
  });
  const { delivery, delivered, uncompared } = json();
  assertEquals([delivery.misordered, delivered, uncompared], [0, true, 0]);
});

Deno.test("runMeasured() finds no fault in Chorus, and leaves the warm-up out of the latencies", async () => {
  await using server = await startTestApp();
  const { json, exitCode } = await measure(server.port, {
    count: 5,
    senders: 0,
    warmupMs: 20,
    durationMs: 30,
    size: 500,
  });
  const { delivery, latencyMs, messages } = json();
  assertEquals([messages.sent, delivery], [50, { ...CLEAN, delivered: 200 }]);
  assertEquals([latencyMs.delivery.count, exitCode], [120, EXIT_CODE.ok]);
});

Deno.test("runClient() names a failed gate, and exits with 99", async () => {
  await using server = serve((text, index, others) => {
    if (index > 0) others.forEach((other) => other.send(text));
  });
  const { text, exitCode } = await measure(server.addr.port, {
    json: false,
    expect: ["lost=0", "duplicated=0", "p99<1s"],
  });
  assertEquals(exitCode, EXIT_CODE.gate);
  assertStringIncludes(text, "Not every message arrived once and in order: 2 lost\n");
  assertStringIncludes(text, "\n  FAILED  lost=0  (2)\n");
  assertStringIncludes(text, "\n  passed  duplicated=0  (0)\n");
});

Deno.test("runMeasured() explains that it cannot connect, sends nothing, and exits with 1", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const { text, exitCode, notices } = await measure(port, { json: false });
  assertEquals(exitCode, EXIT_CODE.failure);
  assertStringIncludes(text, "No message was sent");
  assertStringIncludes(notices[1]!, "start the server with");
  assertEquals(notices.length, 3);
});

Deno.test("runMeasured() ends when the server closes all connections, and prints the close code", async () => {
  await using server = serve((_text, index, others, self) => {
    if (index === 2) [self, ...others].forEach((each) => each.close(1012, "restarting"));
  });
  const { text, exitCode, notices } = await measure(server.addr.port, {
    json: false,
    durationMs: 3_600_000,
  });
  assertEquals(exitCode, EXIT_CODE.failure);
  assertStringIncludes(notices.at(-1)!, "The server closed a connection with 1012 restarting");
  assertStringIncludes(text, "\n  lost         3: ");
});

Deno.test("runMeasured() waits for messages under way after an interrupt", async () => {
  const stop = new AbortController();
  const draining = Promise.withResolvers<void>();
  await using server = serve(async (text, index, others) => {
    if (index === 10) stop.abort();
    await draining.promise;
    others.forEach((other) => other.send(text));
  });
  const { json } = await measure(server.addr.port, {
    durationMs: 0,
    rate: 500,
    drainTimeoutMs: 60_000,
  }, {
    signal: stop.signal,
    onProgress: ({ phase }) => {
      if (phase === "draining") draining.resolve();
    },
  });
  const { delivery, messages } = json();
  assert(messages.sent > 10);
  assertEquals(delivery, { ...CLEAN, delivered: 2 * messages.sent });
});

for (const [name, workers] of [["one thread", 1], ["three threads", 3]] as const) {
  Deno.test(`runMeasured() has exact counts in ${name}`, async () => {
    await using server = await startTestApp();
    const { json, exitCode } = await measure(server.port, {
      count: 7,
      senders: 2,
      workers,
      warmupMs: 20,
      rate: 200,
      durationMs: 480,
    });
    const { delivery, latencyMs, messages, connections, client } = json();
    assertEquals([messages.sent, delivery], [100, { ...CLEAN, delivered: 600 }]);
    assertEquals([connections.opened, connections.closeCodes], [7, { 1000: 7 }]);
    assertEquals([latencyMs.delivery.count, latencyMs.last.count], [576, 96]);
    assertEquals([client.workers, exitCode], [workers, EXIT_CODE.ok]);
  });
}

Deno.test("runMeasured() expects reconnected users to receive all later messages", async () => {
  await using server = await startTestApp();
  const { json, exitCode } = await measure(server.port, { churn: 100, durationMs: 300 });
  const { delivery, connections } = json();
  assert(connections.churned > 0);
  assertEquals(connections.closeCodes, { 1000: 3 + connections.churned });
  assertEquals([delivery.lost, delivery.duplicated, delivery.reordered], [0, 0, 0]);
  assert(delivery.delivered > 0);
  assertEquals(exitCode, EXIT_CODE.ok);
});

Deno.test("runMeasured() expects messages in the rooms of their senders only", async () => {
  await using server = await startTestApp();
  const { json, exitCode } = await measure(server.port, {
    count: 7,
    senders: 0,
    rooms: 3,
    skew: "zipf",
    rate: 2000,
    durationMs: 50,
  });
  const { delivery, delivered, messages } = json();
  assertEquals([messages.sent, delivered, exitCode], [100, true, EXIT_CODE.ok]);
  // The first room has three users, each other room two.
  assert(delivery.delivered > 100 && delivery.delivered < 200);
});

Deno.test("runMeasured() counts what leaks from one room into another by itself", async () => {
  // This server has one room for all.
  await using server = serve(fair);
  const { json, text, exitCode } = await measure(server.addr.port, {
    count: 4,
    senders: 2,
    rooms: 2,
  });
  const { delivery, delivered } = json();
  assertEquals(delivery, { ...CLEAN, delivered: 10, leaked: 20 });
  assertEquals([delivered, exitCode], [false, EXIT_CODE.failure], text);
});

Deno.test("runMeasured() gives users their names and rooms of the file", async () => {
  await using server = await startTestApp();
  await using bob = await ChorusPeer.open(`${server.url}?room=tea`);
  const { json } = await measure(server.port, {
    count: 2,
    senders: 0,
    message: "{name}: {marker}",
    rate: 100,
    durationMs: 20,
  }, { userLines: [{ name: "Ann", room: "tea" }, { name: "Cid" }] });
  assertEquals(json().delivery, { ...CLEAN, delivered: 0 });
  const [text] = await bob.texts(1);
  assertStringIncludes(text!, "Ann: ~");
});

/** More than fits into the buffers of a socket, even if a busy machine cannot send all of it. */
const FLOOD = { count: 4, rate: 500, durationMs: 800, size: 50_000, slow: "25%" };

Deno.test("runMeasured() counts slow readers that the server closed separately", async () => {
  await using server = await startTestApp({ logRetentionBytes: 4 * 1024 * 1024 });
  const { chat } = server.app;
  // A busy machine may need a long time for as much as the buffers of a socket can take.
  const stop = new AbortController();
  let memberCount = 0;
  const watching = setInterval(() => {
    if (chat.size < memberCount) stop.abort();
    memberCount = chat.size;
  }, 10);
  const flood = { ...FLOOD, durationMs: 0 };
  const { json, exitCode } = await measure(server.port, flood, { signal: stop.signal });
  clearInterval(watching);
  const { delivery, messages, slow, connections } = json();
  assertEquals(delivery, { ...CLEAN, delivered: 2 * messages.sent });
  assertEquals([slow.count, Object.values(slow.closeCodes)], [1, [1]]);
  assertEquals([connections.opened, connections.lost], [4, 0]);
  assertEquals(exitCode, EXIT_CODE.ok);
});

for (const slow of [FLOOD.slow, "25%:1MiB/s"]) {
  Deno.test(`runMeasured() with --slow ${slow} lets them read buffered messages at the end`, async () => {
    await using server = serve(fair);
    const { text, exitCode } = await measure(server.addr.port, { ...FLOOD, slow, json: false });
    const [, sent] = text.match(/\n {2}sent +(\d+)/)!;
    assert(Number(sent) > 0);
    assertStringIncludes(
      text,
      `Slow readers
  readers      1
  closed       none
  delivered    ${sent}
  lost         0, not counting closed connections
`,
    );
    assertEquals(exitCode, EXIT_CODE.ok);
  });
}

Deno.test("runMeasured() stops sending to a server that does not read, and counts unsent messages", async () => {
  await using server = startBlockingServer();
  const { text, exitCode } = await measure(server.port, {
    json: false,
    count: 1,
    size: 1_000_000,
    rate: 1000,
    durationMs: 100,
    drainTimeoutMs: 0,
  }, { deadlines: { closeTimeoutMs: 50 } });
  assertMatch(text, /sent +\d+; \d+ not sent because the server did not read/);
  assertMatch(text, /\n {2}lost +1: 1 × the server did not answer the close frame; /);
  assertEquals(exitCode, EXIT_CODE.failure);
});

Deno.test("runMeasured() ends if the server stops answering, even if it does not read either", async () => {
  await using server = startBlockingServer();
  const { json, exitCode, notices } = await measure(server.port, {
    count: 1,
    size: 1_000_000,
    durationMs: 0,
  }, { deadlines: { pingIntervalMs: 50, pongTimeoutMs: 50 } });
  const { connections } = json();
  const losses = { "the server stopped answering": 1 };
  assertEquals([connections.losses, connections.closeCodes], [losses, { 1006: 1 }]);
  assertEquals(notices.at(-1), "A connection was lost (the server stopped answering)");
  assertEquals(exitCode, EXIT_CODE.failure);
});

Deno.test("--verify checks messages that users send at their intervals", async () => {
  await using server = await startTestApp();
  const { json, exitCode } = await measure(server.port, {
    rate: 0,
    verify: true,
    senders: 0,
    intervalMs: 20,
    every: "fixed",
    durationMs: 70,
  });
  const { delivery, messages, rates } = json();
  assertEquals([messages.sent, delivery], [9, { ...CLEAN, delivered: 18 }]);
  assertEquals([rates.offeredRate, exitCode], [150, EXIT_CODE.ok]);
});

Deno.test("--strict fails a run if the client was the limit", async () => {
  await using server = await startTestApp();
  const overload = { rate: 1_000_000, durationMs: 10 };
  const lenient = await measure(server.port, overload);
  assert(lenient.json().clientLimits.length > 0);
  assertEquals(lenient.exitCode, EXIT_CODE.ok);
  const strict = await measure(server.port, { ...overload, strict: true });
  assertEquals(strict.exitCode, EXIT_CODE.failure);
});

Deno.test("--find-max reports that no rate passed, and exits with 99", async () => {
  await using server = serve((text, index, others) => {
    if (index !== 1) others.forEach((other) => other.send(text));
  });
  const { text, exitCode } = await measure(server.addr.port, {
    json: false,
    findMax: "corrupt>0",
    rate: 4,
    durationMs: 500,
    drainTimeoutMs: 0,
  });
  assertEquals(exitCode, EXIT_CODE.gate);
  // Other tests use this process too, so the client may seem to have been the limit.
  assertMatch(text, /^No rate passed corrupt>0\n(The client may .*\n)*\n3 runs in /);
  assertMatch(text, / 1 .* failed\n +2 .* failed\n +4 .* failed$/);
});

Deno.test("--find-max ends after one run if no server listens, and exits with 1", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const { json, exitCode } = await measure(port, { findMax: "lost=0" });
  const { maxRate, runs } = json();
  assertEquals([maxRate, runs.length, exitCode], [0, 1, EXIT_CODE.failure]);
});

Deno.test("runMeasured() ends although another client keeps sending", async () => {
  await using server = serve(fair);
  const talker = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
  const ended = Promise.withResolvers<void>();
  talker.onopen = () => talking.resolve();
  talker.onclose = () => ended.resolve();
  const talking = Promise.withResolvers<void>();
  await talking.promise;
  const timer = setInterval(() => talker.send("tick"), 5);
  const { json } = await measure(server.addr.port);
  clearInterval(timer);
  talker.close();
  await ended.promise;
  const { delivery } = json();
  assertEquals([delivery.delivered, delivery.lost], [20, 0]);
  assert(delivery.foreign > 0);
});

Deno.test("runMeasured() connects the other users after the server closed the first", async () => {
  let count = 0;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      if (count++ === 0) socket.onopen = () => socket.close(1008, "not you");
      return response;
    },
  );
  const { json } = await measure(server.addr.port, { staggerMs: 100, drainTimeoutMs: 0 });
  const { connections, passed } = json();
  assertEquals([connections.opened, connections.lost, passed], [3, 1, false]);
});

Deno.test("--verify measures for the whole duration, although no message is due at the end", async () => {
  await using server = await startTestApp();
  const { json } = await measure(server.port, {
    rate: 0,
    verify: true,
    senders: 1,
    intervalMs: 250,
    durationMs: 300,
  });
  const { delivery, rates } = json();
  assertEquals(delivery.delivered, 2);
  assert(rates.achievedRate < 1000 / 290);
});

Deno.test("runMeasured() counts users that cannot reconnect as lost", async () => {
  let count = 0;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      if (count++ >= 3) return new Response("full", { status: 503 });
      return Deno.upgradeWebSocket(request).response;
    },
  );
  const { json, exitCode } = await measure(server.addr.port, {
    churn: 100,
    durationMs: 300,
    drainTimeoutMs: 0,
  });
  const { connections } = json();
  assert(connections.lost > 0);
  assertEquals([connections.opened, connections.failed, connections.churned], [3, 0, 0]);
  assertEquals(exitCode, EXIT_CODE.failure);
});

Deno.test("--server-metrics reports the server's own figures", async () => {
  await using server = await startTestApp();
  const stop = new AbortController();
  let scrapes = 0;
  await using metrics = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => {
      // The first is the check before the run. The second and the third give the first figures.
      if (++scrapes === 4) stop.abort();
      return new Response("process_resident_memory_bytes 5\n");
    },
  );
  const serverMetrics = `http://127.0.0.1:${metrics.addr.port}/metrics`;
  const { json, exitCode } = await measure(server.port, { serverMetrics, durationMs: 0 }, {
    signal: stop.signal,
  });
  assertEquals(json().server, { cpuCores: null, memoryBytes: { mean: 5, max: 5 }, lagMs: null });
  assertEquals(exitCode, EXIT_CODE.ok);
});

Deno.test("runMeasured() connects no user if the server's metrics cannot be read", async () => {
  await using server = await startTestApp();
  const serverMetrics = `http://127.0.0.1:${server.port}/healthz`;
  await assertRejects(
    () => measure(server.port, { serverMetrics }),
    ServerMetricsError,
    "it has none of the metrics",
  );
});

Deno.test("runMeasured() looks up the name of the server once, and reports how long that took", async () => {
  await using server = serve(fair);
  const port = server.addr.port;
  const { json, exitCode } = await measure(port, { url: `ws://localhost:${port}/ws` });
  assertEquals([typeof json().latencyMs.lookup, exitCode], ["number", EXIT_CODE.ok]);
  const { text } = await measure(port, { url: `ws://localhost:${port}/ws`, json: false });
  assertMatch(text, /\n {2}name lookup {2}\d+\.\d\d ms\n/);
  const byAddress = await measure(port);
  assertEquals(byAddress.json().latencyMs.lookup, null);
});

Deno.test("runMeasured() reports a name that cannot be found, and exits with 1", async () => {
  const { json, exitCode, notices } = await measure(1, { url: "ws://name.invalid/ws" });
  assertEquals([json().connections.failures, exitCode], [{ "unknown host": 3 }, EXIT_CODE.failure]);
  assertEquals(notices.slice(1, 2), [
    "The host of ws://name.invalid/ws was not found: check the host name in --url",
  ]);
});
