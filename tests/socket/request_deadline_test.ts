import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import type { ServerConfig } from "../../lib/server/config.ts";
import { EventSource } from "./event_source.ts";
import { exchange, HEALTH, postHead, statusesIn, UPGRADE } from "./http_exchange.ts";
import { ManualChecks } from "./manual_checks.ts";
import { RawPeer } from "./raw_peer.ts";
import { startTestApp, type TestApp } from "./test_app.ts";

const MAX_PIPES = 3;

function start(config: Partial<ServerConfig> = {}): Promise<TestApp> {
  return startTestApp({ maxConnections: MAX_PIPES, ...config });
}

const EVENTS = "GET /rooms/lobby/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/** Sends one byte after another until the server closes the connection. Returns what it sent. */
async function trickle(peer: RawPeer, byte: string): Promise<string> {
  const response = peer.readToEnd();
  let isOver = false;
  response.then(() => isOver = true);
  while (!isOver) {
    await peer.send(byte).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return await response;
}

const LATE: Readonly<Record<string, readonly [string, string]>> = {
  "a head": ["GET / HTTP/1.1\r\nX: ", "x"],
  "a body of a known length": [postHead("Content-Length: 60000"), "x"],
  "a chunk": [`${postHead("Transfer-Encoding: chunked")}ffff\r\n`, "x"],
  "chunk extensions": [`${postHead("Transfer-Encoding: chunked")}1;`, "x"],
  "trailers": [`${postHead("Transfer-Encoding: chunked")}0\r\nA:`, "x"],
  "a body after 100 Continue": [postHead("Expect: 100-continue", "Content-Length: 60000"), "x"],
};

for (const [name, [head, byte]] of Object.entries(LATE)) {
  for (const before of ["", HEALTH]) {
    const which = before ? "later" : "first";
    Deno.test(`a ${which} request that trickles ${name} gets 408`, async () => {
      await using server = await start({ requestTimeoutMs: 100, handshakeTimeoutMs: 0 });
      using peer = await RawPeer.connect(server.port);
      if (before) await exchange(peer, before);
      await peer.send(head);
      const text = await trickle(peer, byte);
      assertEquals(statusesIn(text).filter((status) => status !== 100), [408]);
      assertMatch(text, /\r\nConnection: close\r\n/i);
      await assertNoPipes(server);
    });
  }
}

Deno.test("a request that came while the process paused is not late", async () => {
  using checks = new ManualChecks();
  await using server = await start();
  using early = await RawPeer.connect(server.port);
  using peer = await RawPeer.connect(server.port);
  // Connections are accepted in their order.
  using last = await RawPeer.connect(server.port);
  await exchange(last, HEALTH);
  const sent = peer.send(HEALTH);
  checks.checkAfterPause(60_000);
  await sent;
  assertEquals(statusesIn(await peer.readHead()), [200]);
  // A client that has not sent anything is refused at the next check.
  checks.check();
  assertEquals(statusesIn(await early.readToEnd()), [408]);
});

Deno.test("a request that is answered before it is whole is not timed out", async () => {
  await using server = await start({ requestTimeoutMs: 800, keepAliveMs: 900 });
  using peer = await RawPeer.connect(server.port);
  await peer.send(EVENTS.replace("\r\n\r\n", "\r\nContent-Length: 10\r\n\r\nhalf"));
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 200 /);
  await oneIdleClose(server);
  const drained = server.app.drain();
  assertMatch(await peer.readToEnd(), /\r\n0\r\n\r\n$/);
  await drained;
});

Deno.test("an idle connection closes after --keep-alive", async () => {
  await using server = await start({ keepAliveMs: 50 });
  await oneIdleClose(server);
  await assertNoPipes(server);
});

Deno.test("empty lines do not keep an idle connection open", async () => {
  await using server = await start({ keepAliveMs: 50, requestTimeoutMs: 0 });
  using peer = await RawPeer.connect(server.port);
  await exchange(peer, HEALTH);
  assertEquals(await trickle(peer, "\r\n"), "");
});

Deno.test("a connection that waits for less than --keep-alive serves another request", async () => {
  await using server = await start({ handshakeTimeoutMs: 400, requestTimeoutMs: 400 });
  using peer = await RawPeer.connect(server.port);
  await exchange(peer, HEALTH);
  // The other deadlines have passed when a silent connection gets 408.
  using silent = await RawPeer.connect(server.port);
  assertEquals(statusesIn(await silent.readToEnd()), [408]);
  assertEquals(await exchange(peer, HEALTH), 200);
});

for (const pingIntervalMs of [0, 25_000]) {
  Deno.test(`a quiet response outlives --keep-alive, pinged every ${pingIntervalMs} ms`, async () => {
    await using server = await start({ keepAliveMs: 50, pingIntervalMs });
    await using events = await EventSource.open(new URL("/rooms/lobby/events", server.app.url));
    await oneIdleClose(server);
    await oneIdleClose(server);
    using peer = await RawPeer.connect(server.port);
    await exchange(peer, `${postHead("Content-Length: 2")}hi`);
    assertEquals((await events.said()).text, "hi");
  });
}

Deno.test("a client that reads nothing of its responses is reset after --stall-timeout", async () => {
  await using server = await start({ stallTimeoutMs: 100, keepAliveMs: 0 });
  using peer = await RawPeer.connect(server.port);
  const text = "x".repeat(60_000);
  for (let count = 0; count < 20; count++) {
    await exchange(peer, postHead(`Content-Length: ${text.length}`) + text);
  }
  const history = "GET /rooms/lobby/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  let isReset = false;
  while (!isReset) await peer.send(history.repeat(100)).catch(() => isReset = true);
  await assertNoPipes(server);
});

Deno.test("HTTP/2 passes through the gateway, and only an idle connection is closed", async () => {
  await using server = await start({ keepAliveMs: 250, requestTimeoutMs: 400 });
  const session = connectHttp2(server.app.url.origin);
  const closed = once(session, "close");
  const stream = session.request({ ":path": "/rooms/lobby/events" });
  let events = "";
  stream.setEncoding("utf8").on("data", (text) => events += text);
  const [headers] = await once(stream, "response");
  assertEquals(headers[":status"], 200);
  // The first may overlap with the last frames of the stream's beginning.
  for (let count = 0; count < 2; count++) await oneIdleClose(server);
  using peer = await RawPeer.connect(server.port);
  await exchange(peer, `${postHead("Content-Length: 2")}hi`);
  while (!events.includes('"hi"')) await once(stream, "data");
  stream.close();
  await closed;
  await assertNoPipes(server);
});

Deno.test("a client that reads its last response slowly gets all of it", async () => {
  await using server = await start({ maxMessageBytes: 1_000_000 });
  const text = "x".repeat(1_000_000);
  const url = new URL("/rooms/lobby/messages", server.app.url);
  const headers = { "content-type": "text/plain", connection: "close" };
  const published = await fetch(url, { method: "POST", headers, body: text });
  assertEquals(published.status, 201);
  await published.body?.cancel();
  using peer = await RawPeer.connect(server.port);
  await peer.send(
    "GET /rooms/lobby/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
  );
  const head = await peer.readHead();
  // A client that asks later, and whose connection the server has ended, as it did not close it.
  using later = await RawPeer.connect(server.port);
  await later.send(HEALTH.replace("Host", "Connection: close\r\nHost"));
  await later.readHead();
  let hasEnded = false;
  while (!hasEnded) await later.send("x").catch(() => hasEnded = true);
  const body = await peer.readToEnd();
  assertEquals(body.length, Number(head.match(/content-length: (\d+)/i)![1]));
  assertEquals(peer.wasReset, false);
});

Deno.test("a client that ends its side still gets slow responses, but leaves event streams", async () => {
  const folder = await Deno.makeTempDir();
  {
    await using server = await start({ data: `${folder}/chat.db`, pingIntervalMs: 0 });
    using poster = await RawPeer.connect(server.port);
    await poster.send(`${postHead("Content-Length: 2")}hi`.repeat(3));
    await poster.closeWrite();
    assertEquals(statusesIn(await poster.readToEnd()), [201, 201, 201]);
    using subscriber = await RawPeer.connect(server.port);
    await subscriber.send(EVENTS);
    await server.logged("{id} connected");
    await subscriber.closeWrite();
    await server.logged("{id} disconnected");
    assertStringIncludes(await subscriber.readToEnd(), "text/event-stream");
    await assertNoPipes(server);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a client that ends its side within a later head gets what it asked for, then the end", async () => {
  await using server = await start({ requestTimeoutMs: 0, keepAliveMs: 0 });
  using peer = await RawPeer.connect(server.port);
  await peer.send(`${HEALTH}GET / HT`);
  await peer.closeWrite();
  assertEquals(statusesIn(await peer.readToEnd()), [200]);
});

/** Ways to be in the gateway: what a peer sends, and whether it then waits for an answer. */
const STATES: Readonly<Record<string, { send: string; isAnswered: boolean }>> = {
  "nothing": { send: "", isAnswered: false },
  "half a head": { send: "GET / HT", isAnswered: false },
  "half a body": { send: `${postHead("Content-Length: 9")}half`, isAnswered: false },
  "half a chunk": { send: `${postHead("Transfer-Encoding: chunked")}9\r\nhalf`, isAnswered: false },
  "a request": { send: HEALTH, isAnswered: true },
  "a request and half a head": { send: `${HEALTH}GET / HT`, isAnswered: true },
  "an event stream": { send: EVENTS, isAnswered: true },
  "an upgrade behind an event stream": { send: EVENTS + UPGRADE, isAnswered: true },
  "HTTP/2": { send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", isAnswered: false },
};

for (const [name, { send, isAnswered }] of Object.entries(STATES)) {
  const arrive = async (server: TestApp) => {
    const peer = await RawPeer.connect(server.port);
    await peer.send(send);
    if (isAnswered) await peer.readHead();
    return peer;
  };

  Deno.test(`a drain ends a connection that has sent ${name}`, async () => {
    await using server = await start();
    using peer = await arrive(server);
    await server.app.drain();
    await peer.readToEnd();
    assertEquals(server.app.wires.size, 0);
  });

  Deno.test(`a client that vanishes after ${name} leaves nothing behind`, async () => {
    await using server = await start({ pingIntervalMs: 100 });
    for (const isReset of [true, false]) {
      using peer = await arrive(server);
      // With unread bytes, the system resets the connection.
      if (!isReset && isAnswered) await peer.read(1);
    }
    await assertNoPipes(server);
    assertEquals(server.app.wires.size, 0);
  });
}

/** Resolves when an idle connection has been closed: more than `--keep-alive` has passed. */
async function oneIdleClose(server: TestApp): Promise<void> {
  using peer = await RawPeer.connect(server.port);
  await exchange(peer, HEALTH);
  assertEquals((await peer.readBytesToEnd()).length, 0);
}

/** Resolves when the gateway has no pipe: it then has capacity for as many as it can have. */
async function assertNoPipes(server: TestApp): Promise<void> {
  for (let statuses = [0]; !statuses.every((status) => status === 200);) {
    const peers = await Promise.all(
      Array.from({ length: MAX_PIPES }, () => RawPeer.connect(server.port)),
    );
    // Unlike a probe, this needs a pipe.
    const request = HEALTH.replace("/healthz", "/rooms");
    statuses = await Promise.all(peers.map((peer) => exchange(peer, request)));
    for (const peer of peers) peer[Symbol.dispose]();
  }
}
