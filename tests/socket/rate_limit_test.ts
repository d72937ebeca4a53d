import { assertEquals, assertMatch } from "@std/assert";
import { SECRET, signWithSecret } from "../server/security/tokens/issuer.ts";
import { ChorusPeer } from "./chorus_peer.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

const TEXT = 1;

const RATE_LIMITED = { code: 4029, reason: "rate limit exceeded" };

/** One message per hour. */
const RARE = { messageRate: 1 / 3600, rateBurstMs: 0 };

function encodeTexts(texts: readonly string[]): number[] {
  return texts.flatMap((text) => [...encodeWireFrame(frame(TEXT, text), "client")]);
}

Deno.test("pace limits a connection, and loses none of its messages", async () => {
  await using server = await startTestApp({ messageRate: 100, rateBurstMs: 10 });
  await using witness = await Peer.open(server.url);
  using peer = await RawPeer.upgrade(server.port);
  for (let count = 0; count < 2; count++) await server.logged("{id} connected");
  // Two messages in one read always exceed a bucket of one, however slow this machine is.
  for (let index = 0; index < 10; index++) {
    const texts = [`first of ${index}`, `second of ${index}`];
    await peer.send(encodeTexts(texts));
    assertEquals(await witness.take(2), texts);
  }
  assertEquals(server.app.chat.counters.limits.messages, 10);
});

Deno.test("a read of many messages is handled as a whole, and paid off by a longer pause", async () => {
  await using server = await startTestApp(RARE);
  await using witness = await Peer.open(server.url);
  using peer = await RawPeer.upgrade(server.port);
  for (let count = 0; count < 2; count++) await server.logged("{id} connected");
  const texts = Array.from({ length: 200 }, (_, index) => `${index}`);
  await peer.send(encodeTexts(texts));
  assertEquals(await witness.take(200), texts);
  await peer.send(encodeTexts(["too early"]));
  await assertOthersArrive(server, witness);
});

Deno.test("a message in the segment of the handshake is paced, also after a token was verified", async () => {
  const tokenSecretFile = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(tokenSecretFile, SECRET);
    await using server = await startTestApp({ ...RARE, tokenSecretFile, anonymous: "publish" });
    await using witness = await Peer.open(server.url);
    await server.logged("{id} connected");
    const head = [
      "GET /ws HTTP/1.1",
      ...HANDSHAKE_HEADERS,
      `Authorization: Bearer ${await signWithSecret({ sub: "ann" })}`,
      ...["", ""],
    ].join("\r\n");
    using peer = await RawPeer.connect(server.port);
    await peer.send([...new TextEncoder().encode(head), ...encodeTexts(["one", "two"])]);
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
    assertEquals(await witness.take(2), ["one", "two"]);
    await peer.send(encodeTexts(["too early"]));
    await assertOthersArrive(server, witness);
  } finally {
    await Deno.remove(tokenSecretFile);
  }
});

Deno.test("a paced connection receives, and others are not affected", async () => {
  await using server = await startTestApp(RARE);
  const others = await Peer.openMany(server.url, 3);
  using paced = await RawPeer.upgrade(server.port);
  for (let count = 0; count < 4; count++) await server.logged("{id} connected");
  await paced.send(encodeTexts(["one", "two"]));
  for (const other of others) assertEquals(await other.take(2), ["one", "two"]);
  assertEquals(server.app.chat.counters.limits.messages, 1);
  // Not read for an hour.
  await paced.send(encodeTexts(["three"]));
  for (const [index, other] of others.entries()) other.send(`from ${index}`);
  const received: string[] = [];
  for await (const { payload } of paced.frames()) {
    received.push(new TextDecoder().decode(payload));
    if (received.length === 3) break;
  }
  assertEquals(received.sort(), ["from 0", "from 1", "from 2"]);
  for (const other of others) {
    const texts = await other.take(2);
    assertEquals(texts.every((text) => `${text}`.startsWith("from ")), true);
  }
});

Deno.test("the server closes a paced connection as any other", async () => {
  await using server = await startTestApp({ ...RARE, closeTimeoutMs: 0, drainTimeoutMs: 600_000 });
  await using witness = await Peer.open(server.url);
  const paced = await Peer.open(server.url);
  for (let count = 0; count < 2; count++) await server.logged("{id} connected");
  for (const text of ["one", "two"]) paced.send(text);
  assertEquals(await witness.take(2), ["one", "two"]);
  // It answers the close frame, so it must be read from again.
  await server.app.drain();
  assertEquals((await paced.closed).code, 1001);
});

Deno.test("a paced connection whose client has gone leaves the chat", async () => {
  await using server = await startTestApp({ ...RARE, greeting: "hello" });
  {
    using paced = await RawPeer.upgrade(server.port);
    await paced.send(encodeTexts(["one", "two"]));
    await until(() => server.app.chat.counters.limits.messages === 1);
    // The greeting is unread, so closing resets the connection.
  }
  const left = server.logged("{id} disconnected").then(() => "left");
  while (await Promise.race([left, publish(server, "hi")]) !== "left");
  assertEquals(server.app.chat.size, 0);
});

for (const engine of ENGINES) {
  Deno.test(`${engine}: a connection within its rates is not limited`, async () => {
    const rates = { messageRate: 1000, byteRate: 1_000_000 };
    await using server = await startTestApp({ engine, ...rates, ratePolicy: "close" });
    const peers = await Peer.openMany(server.url, 2);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    const texts = Array.from({ length: 1000 }, (_, index) => `${index}`);
    for (const text of texts) peers[0]!.send(text);
    assertEquals(await peers[1]!.take(1000), texts);
    const { messages, bytes } = server.app.chat.counters.limits;
    assertEquals([messages, bytes], [0, 0]);
  });

  Deno.test(`${engine}: close ends a connection with 4029, before the message too many`, async () => {
    const config = { engine, messageRate: 1 / 3600, rateBurstMs: 3 * 3_600_000 };
    await using server = await startTestApp({ ...config, ratePolicy: "close" });
    const [peer, witness, other] = await Peer.openMany(server.url, 3);
    for (let count = 0; count < 3; count++) await server.logged("{id} connected");
    for (const text of ["one", "two", "three", "four"]) peer!.send(text);
    assertEquals(await peer!.closed, RATE_LIMITED);
    other!.send("not limited");
    assertEquals(await witness!.take(4), ["one", "two", "three", "not limited"]);
    assertEquals((await server.logged("{id} disconnected")).properties.code, 4029);
    assertEquals([server.app.chat.counters.limits.messages, server.app.chat.size], [1, 2]);
  });

  Deno.test(`${engine}: a ping of chorus.v1 counts as a message, and is not published`, async () => {
    const config = { engine, messageRate: 1 / 3600, rateBurstMs: 3 * 3_600_000 };
    await using server = await startTestApp({ ...config, ratePolicy: "close" });
    await using witness = await Peer.open(server.url);
    await using peer = await ChorusPeer.open(server.url);
    for (let count = 0; count < 2; count++) peer.send('{"type":"ping"}');
    for (let count = 0; count < 2; count++) await peer.next("pong");
    peer.say("one");
    assertEquals(await witness.next(), "one");
    peer.send('{"type":"ping"}');
    assertEquals(await peer.closed, RATE_LIMITED);
  });

  Deno.test(`${engine}: --byte-rate counts the bytes of messages`, async () => {
    const config = { engine, byteRate: 1 / 3600, maxMessageBytes: 1000 };
    await using server = await startTestApp({ ...config, ratePolicy: "close" });
    const [peer, witness] = await Peer.openMany(server.url, 2);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    for (const length of [500, 500, 1]) peer!.send("x".repeat(length));
    assertEquals(await peer!.closed, RATE_LIMITED);
    assertEquals((await witness!.take(2)).map((text) => `${text}`.length), [500, 500]);
    assertEquals(server.app.chat.counters.limits.bytes, 1);
  });
}

Deno.test("serve: pace closes with 4029, as Deno cannot stop reading", async () => {
  await using server = await startTestApp({ engine: "serve", ...RARE, ratePolicy: "pace" });
  const peer = await Peer.open(server.url);
  for (const text of ["one", "two"]) peer.send(text);
  assertEquals(await peer.closed, RATE_LIMITED);
});

/**
 * Publishes messages over HTTP, one after the other, and asserts that the witness receives nothing
 * else meanwhile. A message that a peer has sent before would arrive before the last of them.
 */
async function assertOthersArrive(server: TestApp, witness: Peer): Promise<void> {
  for (let index = 0; index < 20; index++) {
    await publish(server, `later ${index}`);
    assertEquals(await witness.next(), `later ${index}`);
  }
}

async function publish({ app }: TestApp, body: string): Promise<void> {
  const response = await fetch(new URL("/rooms/lobby/messages", app.url), {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body,
  });
  await response.body?.cancel();
}

/** Waits for something that has no event. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve));
}
