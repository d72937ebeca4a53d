import { assertEquals, assertMatch } from "@std/assert";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { HEALTH, READINESS } from "./http_exchange.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer, rawRequest } from "./raw_peer.ts";
import { startTestApp } from "./test_app.ts";

const UPGRADE = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");

Deno.test("a later upgrade on a piped connection joins with the client's address", async () => {
  await using server = await startTestApp();
  await using direct = await Peer.open(server.url);
  await server.logged("{id} connected");
  using piped = await RawPeer.connect(server.port);
  for (let count = 0; count < 2; count++) {
    await piped.send(HEALTH);
    assertMatch(await piped.readHead(), /^HTTP\/1\.1 200 /);
    await piped.read("ok\n".length);
  }
  await piped.send(UPGRADE);
  assertMatch(await piped.readHead(), /^HTTP\/1\.1 101 /);
  const { properties } = await server.logged("{id} connected");
  assertEquals(properties.address, piped.address);
  assertEquals([server.app.chat.size, server.app.wires.size], [2, 2]);

  direct.send("to the piped peer");
  for await (const { payload } of piped.frames()) {
    assertEquals(new TextDecoder().decode(payload), "to the piped peer");
    break;
  }
  await piped.send(encodeWireFrame(frame(1, "to the direct peer"), "client"));
  assertEquals(await direct.next(), "to the direct peer");
});

Deno.test("pipelined requests are answered in order", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.connect(server.port);
  await peer.send(HEALTH + HEALTH.replace("/healthz", "/nope") + HEALTH);
  await peer.closeWrite();
  const statuses = (await peer.readToEnd()).match(/HTTP\/1\.1 \d+/g);
  assertEquals(statuses, ["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
});

Deno.test("a large request body passes through the gateway", async () => {
  await using server = await startTestApp();
  const response = await fetch(new URL("/healthz", server.app.url), {
    method: "POST",
    body: new Uint8Array(3_000_000),
  });
  assertEquals(response.status, 405);
  await response.body?.cancel();
});

Deno.test("a request head over 16 KiB gets 431", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.connect(server.port);
  await peer.send(`GET / HTTP/1.1\r\nX: ${"x".repeat(16 * 1024 - 19)}`);
  assertMatch(await peer.readToEnd(), /^HTTP\/1\.1 431 /);
});

for (const [name, bytes] of [["nothing", ""], ["half a head", "GET / HTTP/1.1\r\nHost"]] as const) {
  Deno.test(`a client that sends ${name} gets 408 after the handshake timeout`, async () => {
    await using server = await startTestApp({ handshakeTimeoutMs: 30 });
    using peer = await RawPeer.connect(server.port);
    await peer.send(bytes);
    assertMatch(await peer.readToEnd(), /^HTTP\/1\.1 408 /);
    assertEquals(server.app.chat.counters.limits.handshake_time, 1);
  });
}

Deno.test("a client that resets at the handshake timeout does not affect others", async () => {
  await using server = await startTestApp({ handshakeTimeoutMs: 200, logLevel: "debug" });
  for (let round = 0; round < 5; round++) {
    const peers = await Promise.all(Array.from({ length: 50 }, () => RawPeer.connect(server.port)));
    for (const peer of peers) await peer.send("GET");
    await peers[0]!.read(1);
    for (const peer of peers) peer[Symbol.dispose]();
  }
  await using _peer = await Peer.open(server.url);
});

Deno.test("a gateway without capacity for another pipe responds with 503", async () => {
  await using server = await startTestApp({ maxConnections: 1 });
  using first = await RawPeer.connect(server.port);
  await first.send(HEALTH);
  await first.readHead();
  using second = await RawPeer.connect(server.port);
  await second.send(HEALTH.replace("/healthz", "/"));
  const response = await second.readToEnd();
  assertMatch(response, /^HTTP\/1\.1 503 [^]*\r\nretry-after: 10\r\n/);
  assertMatch(response, /\r\n\r\nThe server has too many HTTP connections: try again later\n$/);
  assertEquals(server.app.chat.counters.limits.http_connections, 1);
  assertEquals(server.app.chat.counters.limits.connections, 0);
});

Deno.test("a gateway without capacity for another pipe answers probes", async () => {
  await using server = await startTestApp({ maxConnections: 1 });
  using first = await RawPeer.connect(server.port);
  await first.send(HEALTH);
  await first.readHead();
  const answerTo = async (request: string) => {
    using peer = await RawPeer.connect(server.port);
    await peer.send(request);
    return await peer.readToEnd();
  };
  assertMatch(await answerTo(HEALTH), /^HTTP\/1\.1 200 [^]*\r\n\r\nok\n$/);
  assertMatch(await answerTo(HEALTH.replace("GET", "HEAD")), /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
  assertMatch(await answerTo(READINESS), /^HTTP\/1\.1 200 [^]*\r\n\r\nready\n$/);
});

for (const bytes of ["\r\n\r\n", "nonsense\r\n\r\n", "GET /ws HTTP/1.1\r\nbad header\r\n\r\n"]) {
  Deno.test(`a request that is not HTTP, ${JSON.stringify(bytes)}, gets 400`, async () => {
    await using server = await startTestApp();
    using peer = await RawPeer.connect(server.port);
    await peer.send(bytes);
    await peer.closeWrite();
    assertMatch(await peer.readToEnd(), /^(HTTP\/1\.1 400 |$)/);
    assertEquals(
      (await rawRequest(server.port, ["GET /healthz HTTP/1.1", "Host: localhost"])).status,
      200,
    );
  });
}
