import { assertEquals, assertMatch } from "@std/assert";
import { HEALTH, READINESS, readResponse } from "./http_exchange.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: App.drain() closes every connection with 1001`, async () => {
    await using server = await startTestApp({ engine });
    const peers = await Peer.openMany(server.url, 3);
    for (const _ of peers) await server.logged("{id} connected");
    await server.app.drain();
    for (const peer of peers) {
      assertEquals(await peer.closed, { code: 1001, reason: "going away" });
    }
    assertEquals(server.app.chat.size, 0);
  });

  Deno.test(`${engine}: App.drain() finishes if a peer never answers its close frame`, async () => {
    await using server = await startTestApp({ engine, drainTimeoutMs: 50 });
    using raw = await RawPeer.upgrade(server.port);
    await server.logged("{id} connected");
    await server.app.drain();
    const frame = await raw.read(100);
    assertEquals([...frame.subarray(0, 4)], [0x88, 2 + "going away".length, 0x03, 0xe9]);
    assertEquals(new TextDecoder().decode(frame.subarray(4)), "going away");
  });

  Deno.test(`${engine}: App.drain() finishes if a peer has stopped reading`, async () => {
    await using server = await startTestApp({ engine, drainTimeoutMs: 50 });
    using _stalled = await RawPeer.upgrade(server.port);
    const [sender, reader] = await Peer.openMany(server.url, 2) as [Peer, Peer];
    for (let count = 0; count < 3; count++) await server.logged("{id} connected");
    // More than the system buffers for one connection, and less than the log retains.
    for (let count = 0; count < 200; count++) sender.send("x".repeat(60_000));
    await reader.take(200);
    await server.app.drain();
    await Promise.all([sender.closed, reader.closed]);
  });

  Deno.test(`${engine}: a draining server refuses requests with 503, but not those of probes`, async () => {
    await using server = await startTestApp({ engine, drainTimeoutMs: 60_000 });
    using raw = await RawPeer.upgrade(server.port);
    await server.logged("{id} connected");
    // The request must come on an open connection: a new one might not be accepted.
    using keptAlive = await RawPeer.connect(server.port);
    await keptAlive.send(HEALTH);
    assertEquals(await readResponse(keptAlive), { status: 200, body: "ok\n" });
    const drained = server.app.drain();
    await keptAlive.send(HEALTH);
    assertEquals(await readResponse(keptAlive), { status: 200, body: "ok\n" });
    await keptAlive.send(READINESS);
    const body = "The server is stopping\n";
    assertEquals(await readResponse(keptAlive), { status: 503, body });
    await keptAlive.send(HEALTH.replace("/healthz", "/rooms"));
    assertMatch(await keptAlive.readHead(), /^HTTP\/1\.1 503 [^]*retry-after: 1\r/i);
    await raw.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);
    await drained;
  });

  for (const drainWindowMs of [0, 100]) {
    Deno.test(`${engine}: App.drain() first delivers the published messages, window ${drainWindowMs}`, async () => {
      await using server = await startTestApp({ engine, logMessages: true, drainWindowMs });
      // It joins first, so it is closed in the first step of a window.
      const receiver = await Peer.open(server.url);
      await server.logged("{id} connected");
      const sender = await Peer.open(server.url);
      await server.logged("{id} connected");
      sender.send("last words");
      await server.logged("{id} sent");
      await server.app.drain();
      assertEquals(await receiver.next(), "last words");
      assertEquals((await receiver.closed).code, 1001);
      await sender.closed;
    });
  }

  Deno.test(`${engine}: App.drain() finishes if clients left before their upgrade`, async () => {
    await using server = await startTestApp({ engine, drainTimeoutMs: 3_600_000 });
    for (let count = 0; count < 50; count++) {
      using leaving = await RawPeer.connect(server.port);
      await leaving.send(["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n"));
    }
    await server.app.drain();
    assertEquals(server.app.chat.size, 0);
  });

  Deno.test(`${engine}: App.drain() may be called twice`, async () => {
    await using server = await startTestApp({ engine });
    await Promise.all([server.app.drain(), server.app.drain()]);
  });
}
