import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EXIT_CODE } from "../../lib/cli/exit_code.ts";
import { parseFlags } from "../../lib/cli/flags.ts";
import { CLIENT_FLAGS, type ClientConfig } from "../../lib/load/config.ts";
import { runClient } from "../../lib/load/outcome.ts";
import { targetOf } from "../../lib/load/target.ts";
import { startTestApp } from "../socket/test_app.ts";

type Relay = (text: string, index: number, others: readonly WebSocket[], self: WebSocket) => void;

const fair: Relay = (text, _index, others) => others.forEach((other) => other.send(text));

/** A server that does with each message what a test says. */
function serve(relay: Relay) {
  const sockets = new Set<WebSocket>();
  let index = 0;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => {
      const others = [...sockets].filter((each) =>
        each !== socket && each.readyState === WebSocket.OPEN
      );
      relay(data, index++, others, socket);
    };
    return response;
  });
}

/** Three users, the first of whom says ten messages, against a server on this port. */
async function measure(
  port: number,
  overrides: Partial<ClientConfig> = {},
  { signal = new AbortController().signal, onNotice = () => {} } = {},
) {
  const { config } = parseFlags(CLIENT_FLAGS, {
    args: [
      "--url",
      `ws://127.0.0.1:${port}/ws`,
      "--count=3",
      "--stagger=0",
      "--senders=1",
      "--json",
    ],
  });
  const full = {
    ...config,
    rate: 1000,
    durationMs: 10,
    warmupMs: 0,
    drainTimeoutMs: 500,
    ...overrides,
  };
  const notices: string[] = [];
  const { report, exitCode } = await runClient(full, {
    target: await targetOf(full),
    signal,
    printMessage: () => {},
    printNotice: (line) => {
      notices.push(line);
      onNotice();
    },
    onProgress: () => {},
    random: () => 0.5,
  });
  const text = report({ url: full.url, count: full.count, elapsedMs: 1, isInterrupted: false });
  return { text, exitCode, notices, json: () => JSON.parse(text) };
}

const CLEAN = {
  delivered: 20,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  corrupt: 0,
  echoed: 0,
  foreign: 0,
};

function swapping(): Relay {
  let held = "";
  return (text, index, others) => {
    if (index === 2) held = text;
    else others.forEach((other) => other.send(text));
    if (index === 3) others.forEach((other) => other.send(held));
  };
}

const SERVERS: readonly [name: string, relay: Relay, counts: Partial<typeof CLEAN>][] = [
  ["is fair", fair, {}],
  ["wraps what is said", (text, _, others) => {
    for (const other of others) other.send(JSON.stringify({ name: "Bob", text }));
  }, {}],
  ["drops the third message", (text, index, others) => {
    if (index !== 2) others.forEach((other) => other.send(text));
  }, { delivered: 18, lost: 2 }],
  ["says the third message twice to one", (text, index, others) => {
    others.forEach((other) => other.send(text));
    if (index === 2) others[0]!.send(text);
  }, { duplicated: 1 }],
  ["swaps the third message and the fourth", swapping(), { reordered: 2 }],
  ["damages the third message for one", (text, index, others) => {
    others.forEach((other, at) =>
      other.send(index === 2 && at === 0 ? text.replace(/~.{8}/, "~pppppppp") : text)
    );
  }, { delivered: 19, lost: 1, corrupt: 1 }],
  ["echoes", (text, _, others, self) => {
    for (const each of [self, ...others]) each.send(text);
  }, { echoed: 10 }],
  ["greets each message", (text, _, others) => {
    for (const other of others) {
      other.send("somebody says:");
      other.send(text);
    }
  }, { foreign: 20 }],
];

for (const [name, relay, counts] of SERVERS) {
  Deno.test(`a measured run finds that a server ${name}`, async () => {
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
      cameBack: 0,
      closeCodes: { 1000: 3 },
      churned: 0,
    });
    const { lost, duplicated, reordered, corrupt } = delivery;
    const isClean = lost + duplicated + reordered + corrupt === 0;
    assertEquals(exitCode, isClean ? EXIT_CODE.ok : EXIT_CODE.failure);
    assertEquals(json().delivered, isClean);
  });
}

Deno.test("a measured run proves this server, with the warm-up not in the latencies", async () => {
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

Deno.test("a gate that is not held is named, and exits 99", async () => {
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

Deno.test("a measured run against nobody sends nothing, says why, and exits 1", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const { text, exitCode, notices } = await measure(port, { json: false });
  assertEquals(exitCode, EXIT_CODE.failure);
  assertStringIncludes(text, "Nothing was sent");
  assertStringIncludes(notices[1]!, "start the server with");
  assertEquals(notices.length, 3);
});

Deno.test("a measured run ends when the server throws everybody out, and says so", async () => {
  await using server = serve((_text, index, others, self) => {
    if (index === 2) [self, ...others].forEach((each) => each.close(1012, "restarting"));
  });
  const { text, exitCode, notices } = await measure(server.addr.port, {
    json: false,
    durationMs: 3_600_000,
  });
  assertEquals(exitCode, EXIT_CODE.failure);
  assertStringIncludes(notices.at(-1)!, "A connection ended with 1012 restarting");
  assertStringIncludes(text, "\n  lost         3, ");
});

Deno.test("a measured run that the user stops waits for what is on its way", async () => {
  await using server = await startTestApp();
  const stop = new AbortController();
  let heardCount = 0;
  const { json } = await measure(server.port, { durationMs: 0, rate: 500 }, {
    signal: stop.signal,
    onNotice: () => {
      if (++heardCount === 2) setTimeout(() => stop.abort(), 300);
    },
  });
  const { delivery, delivered, messages } = json();
  assertEquals([delivered, delivery.lost, delivery.delivered], [true, 0, 2 * messages.sent]);
});
