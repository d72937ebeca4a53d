import { assertEquals, assertMatch } from "@std/assert";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { dropConnections } from "./dropped_connections.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { startTestApp } from "./test_app.ts";

const TEXT = 1, CLOSE = 8, PING = 9, PONG = 10;

Deno.test("the server closes a connection whose peer closes its side", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.upgrade(server.port);
  await server.logged("{id} connected");
  await peer.closeWrite();
  assertEquals((await peer.readBytesToEnd()).length, 0);
  assertEquals((await server.logged("{id} disconnected")).properties.code, 1006);
  assertEquals([server.app.chat.size, server.app.wires.size], [0, 0]);
});

Deno.test("the server answers a close frame of a peer that closes its side", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.upgrade(server.port);
  await peer.send(encodeWireFrame(frame(CLOSE, [0x03, 0xe8]), "client"));
  await peer.closeWrite();
  assertEquals([...await peer.readBytesToEnd()], [0x88, 2, 0x03, 0xe8]);
});

Deno.test("a message that arrives byte by byte is one message", async () => {
  await using server = await startTestApp();
  await using witness = await Peer.open(server.url);
  using peer = await RawPeer.upgrade(server.port);
  for (let count = 0; count < 2; count++) await server.logged("{id} connected");
  for (const byte of encodeWireFrame(frame(TEXT, "byte by byte"), "client")) {
    await peer.send([byte]);
  }
  assertEquals(await witness.next(), "byte by byte");
});

Deno.test("a message that arrives in many large pieces is one message", async () => {
  await using server = await startTestApp({ maxMessageBytes: 5_000_000 });
  await using witness = await Peer.open(server.url);
  using peer = await RawPeer.upgrade(server.port);
  for (let count = 0; count < 2; count++) await server.logged("{id} connected");
  const text = "0123456789".repeat(500_000);
  await peer.send(encodeWireFrame(frame(TEXT, text), "client"));
  assertEquals(await witness.next() === text, true);
});

Deno.test("the server pings a silent peer, and does not drop it while it answers", async () => {
  await using server = await startTestApp({ pingIntervalMs: 20, pongTimeoutMs: 10_000 });
  using peer = await RawPeer.upgrade(server.port);
  let pingCount = 0;
  for await (const { opcode } of peer.frames()) {
    assertEquals(opcode, PING);
    await peer.send(encodeWireFrame(frame(PONG), "client"));
    if (++pingCount === 3) break;
  }
  assertEquals(server.app.chat.size, 1);
});

Deno.test("the server drops a peer that does not answer a ping", async () => {
  await using server = await startTestApp({ pingIntervalMs: 20, pongTimeoutMs: 20 });
  using peer = await RawPeer.upgrade(server.port);
  const { properties } = await server.logged("{id} disconnected");
  assertEquals([properties.code, properties.reason], [1006, "unanswered ping"]);
  assertEquals([server.app.chat.size, server.app.wires.size], [0, 0]);
  assertEquals([...await peer.readBytesToEnd()], [0x89, 0]);
});

Deno.test("the server drops a peer that does not answer a close frame", async () => {
  await using server = await startTestApp({ closeTimeoutMs: 20 });
  using peer = await RawPeer.upgrade(server.port);
  await peer.send(encodeWireFrame(frame(3), "client"));
  const { properties } = await server.logged("{id} disconnected");
  assertEquals(properties.code, 1002);
  assertEquals([...await peer.readBytesToEnd()].slice(0, 4), [0x88, 24, 0x03, 0xea]);
});

Deno.test("a full server responds with 503 until there is capacity again", async () => {
  await using server = await startTestApp({ maxConnections: 1 });
  const first = await Peer.open(server.url);
  await server.logged("{id} connected");
  using second = await RawPeer.connect(server.port);
  const handshake = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");
  await second.send(handshake);
  assertMatch(await second.readHead(), /^HTTP\/1\.1 503 [^]*retry-after: 10\r/i);
  await first[Symbol.asyncDispose]();
  await server.logged("{id} disconnected");
  await using _third = await Peer.open(server.url);
});

Deno.test("a burst of upgrades does not exceed --max-connections", async () => {
  await using server = await startTestApp({ maxConnections: 10 });
  const handshake = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");
  const peers = await Promise.all(Array.from({ length: 100 }, () => RawPeer.connect(server.port)));
  for (const peer of peers) await peer.send(handshake);
  const heads = await Promise.all(peers.map((peer) => peer.readHead()));
  assertEquals(heads.filter((head) => head.startsWith("HTTP/1.1 101 ")).length, 10);
  assertEquals(heads.filter((head) => head.startsWith("HTTP/1.1 503 ")).length, 90);
  for (const peer of peers) peer[Symbol.dispose]();
});

Deno.test("a peer that continues to send after a fault still gets the close frame", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.upgrade(server.port);
  await peer.send([...encodeWireFrame(frame(3), "client"), ...new Uint8Array(2_000_000)]);
  const [close] = await Array.fromAsync(peer.frames());
  assertEquals([close!.opcode, close!.payload[0]! << 8 | close!.payload[1]!], [CLOSE, 1002]);
});

Deno.test("large messages of many senders at the same time do not mix", async () => {
  await using server = await startTestApp({ maxMessageBytes: 1_000_000 });
  await using witness = await Peer.open(server.url);
  const letters = [..."abcdefgh"];
  const peers = await Promise.all(letters.map(() => RawPeer.upgrade(server.port)));
  for (let count = 0; count <= letters.length; count++) await server.logged("{id} connected");
  const texts = letters.flatMap((
    letter,
  ) => [letter.repeat(300_000), letter.repeat(70_000), letter.repeat(100)]);
  await Promise.all(peers.map(async (peer, index) => {
    // Small pieces let all messages overlap.
    const bytes = texts.slice(3 * index, 3 * index + 3).flatMap((text) =>
      encodeWireFrame(frame(TEXT, text), "client")
    );
    for (let at = 0; at < bytes.length; at += 20_000) await peer.send(bytes.slice(at, at + 20_000));
  }));
  const got = await witness.take(texts.length);
  assertEquals(got.sort().join() === texts.sort().join(), true);
  for (const peer of peers) peer[Symbol.dispose]();
});

Deno.test("200 connections dropped at once leave nothing behind", async () => {
  await dropConnections(200);
});
