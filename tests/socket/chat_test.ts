import { assert, assertEquals, assertMatch } from "@std/assert";
import { validate } from "@std/uuid/v7";
import { closeAll, Peer } from "./peer.ts";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

for (const engine of ENGINES) {
  for (const count of [2, 3, 200]) {
    Deno.test(`${engine}: a message reaches all ${count} clients but its sender`, async () => {
      await using server = await startTestApp({ engine });
      const peers = await Peer.openMany(server.url, count);
      for (const _ of peers) await server.logged("{id} connected");
      const [first, second] = peers as [Peer, Peer];
      const text = " Grüße, 世界 👋 \u0000 ";
      first.send(text);
      for (const peer of peers.slice(1)) assertEquals(await peer.next(), text);
      // A copy of the first message to its sender would arrive before this one.
      second.send("after it");
      for (const peer of peers) if (peer !== second) assertEquals(await peer.next(), "after it");
      await closeAll(peers);
    });
  }

  Deno.test(`${engine}: the messages of one sender arrive in order`, async () => {
    await using server = await startTestApp({ engine });
    const peers = await Peer.openMany(server.url, 5);
    for (const _ of peers) await server.logged("{id} connected");
    const perSender = 300;
    for (let index = 0; index < perSender; index++) {
      for (const [sender, peer] of peers.entries()) peer.send(`${sender}:${index}`);
    }
    for (const [receiver, peer] of peers.entries()) {
      const texts = (await peer.take(perSender * (peers.length - 1))).map(String);
      for (const sender of peers.keys()) {
        const got = texts.filter((text) => text.startsWith(`${sender}:`));
        const sent = Array.from({ length: perSender }, (_, index) => `${sender}:${index}`);
        assertEquals(got, receiver === sender ? [] : sent);
      }
    }
    await closeAll(peers);
  });

  Deno.test(`${engine}: / and /ws are the same chat`, async () => {
    await using server = await startTestApp({ engine });
    await using atRoot = await Peer.open(server.app.url.href.replace("http", "ws"));
    await using atWs = await Peer.open(server.url);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    atRoot.send("hello");
    assertEquals(await atWs.next(), "hello");
  });

  Deno.test(`${engine}: a connection is logged with its UUID and address`, async () => {
    await using server = await startTestApp({ engine });
    await using _peer = await Peer.open(server.url);
    const { properties } = await server.logged("{id} connected");
    assert(validate(String(properties.id)));
    assertMatch(String(properties.address), /^127\.0\.0\.1:\d+$/);
  });

  Deno.test(`${engine}: a connection leaves the registry when its peer closes`, async () => {
    await using server = await startTestApp({ engine });
    const peer = await Peer.open(server.url);
    await server.logged("{id} connected");
    assertEquals(server.app.chat.size, 1);
    await closeAll([peer]);
    const { properties } = await server.logged("{id} disconnected");
    assertEquals(properties.code, 1000);
    assertEquals(server.app.chat.size, 0);
  });

  Deno.test(`${engine}: a connection leaves the registry when its peer resets TCP`, async () => {
    await using server = await startTestApp({ engine, greeting: "unread, so that closing resets" });
    await using witness = await Peer.open(server.url);
    await witness.next();
    await server.logged("{id} connected");
    const raw = await RawPeer.upgrade(server.port);
    await server.logged("{id} connected");
    assertEquals(server.app.chat.size, 2);
    raw[Symbol.dispose]();
    await server.logged("{id} disconnected");
    assertEquals(server.app.chat.size, 1);
    // The other connections are not affected.
    await using newcomer = await Peer.open(server.url);
    await newcomer.next();
    await server.logged("{id} connected");
    newcomer.send("still here?");
    assertEquals(await witness.next(), "still here?");
  });

  Deno.test(`${engine}: a connection leaves the registry when it breaks the protocol`, async () => {
    await using server = await startTestApp({ engine, logLevel: "debug" });
    using raw = await RawPeer.upgrade(server.port);
    await server.logged("{id} connected");
    await raw.send([0x83, 0x80, 0, 0, 0, 0]); // opcode 3 is reserved
    await server.logged("{id} left");
    assertEquals(server.app.chat.size, 0);
  });

  Deno.test(`${engine}: a binary message closes the sender's connection with 1003`, async () => {
    await using server = await startTestApp({ engine });
    await using other = await Peer.open(server.url);
    const sender = await Peer.open(server.url);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    sender.send(Uint8Array.of(1, 2, 3));
    sender.send("too late");
    assertEquals(await sender.closed, { code: 1003, reason: "only text messages are relayed" });
    const { properties } = await server.logged("{id} disconnected");
    assertEquals(properties.code, 1003);
    assertEquals(server.app.chat.size, 1);
    await using third = await Peer.open(server.url);
    await server.logged("{id} connected");
    third.send("next");
    assertEquals(await other.next(), "next");
  });

  Deno.test(`${engine}: --binary relays binary messages`, async () => {
    await using server = await startTestApp({ engine, binary: true });
    await using sender = await Peer.open(server.url);
    await using receiver = await Peer.open(server.url);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    sender.send(Uint8Array.of(0, 255));
    assertEquals(new Uint8Array(await receiver.next() as ArrayBuffer), Uint8Array.of(0, 255));
  });

  Deno.test(`${engine}: --greeting is the first message that a client receives`, async () => {
    await using server = await startTestApp({ engine, greeting: "Hi from server" });
    await using peer = await Peer.open(server.url);
    assertEquals(await peer.next(), "Hi from server");
  });

  Deno.test(`${engine}: --echo also sends a message back to its sender`, async () => {
    await using server = await startTestApp({ engine, echo: true });
    await using sender = await Peer.open(server.url);
    await using other = await Peer.open(server.url);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    sender.send("hello");
    assertEquals(await sender.next(), "hello");
    assertEquals(await other.next(), "hello");
  });

  Deno.test(`${engine}: --log-messages logs the sender and text of each message`, async () => {
    await using server = await startTestApp({ engine, logMessages: true });
    await using peer = await Peer.open(server.url);
    const connected = await server.logged("{id} connected");
    peer.send("hello");
    const { properties } = await server.logged("{id} sent");
    assertEquals(properties, { id: connected.properties.id, text: "hello" });
  });
}

Deno.test("serve: a socket that throws on send is closed with 1011", async () => {
  await using server = await startTestApp({ engine: "serve" });
  using broken = await RawPeer.upgrade(server.port);
  await server.logged("{id} connected");
  using other = await RawPeer.upgrade(server.port);
  await server.logged("{id} connected");
  using sender = await RawPeer.upgrade(server.port);
  await server.logged("{id} connected");

  // Raw peers do not use WebSocket, so the first call is the server's, to the first member.
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = () => {
    WebSocket.prototype.send = send;
    throw new Error("broken");
  };
  await sender.send(encodeWireFrame(frame(1, "hello"), "client"));
  for await (const { payload } of other.frames()) {
    assertEquals(new TextDecoder().decode(payload), "hello");
    break;
  }
  const [close] = await Array.fromAsync(broken.frames());
  assertEquals([close!.opcode, close!.payload[0]! << 8 | close!.payload[1]!], [8, 1011]);
  assertEquals(server.app.chat.size, 2);
});
