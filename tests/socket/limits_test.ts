import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { EventSource } from "./event_source.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer, rawRequest } from "./raw_peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

const ACCEPT = { accept: "text/event-stream" };

function eventsUrl({ app }: TestApp, room: string): URL {
  return new URL(`/rooms/${room}/events`, app.url);
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a full room refuses WebSockets and event streams, and no other room does`, async () => {
    await using server = await startTestApp({ engine, maxRoomMembers: 2 });
    await using _one = await Peer.open(`${server.url}?room=tea`);
    await using events = await EventSource.open(eventsUrl(server, "tea"), ACCEPT);
    assertEquals((await events.next())?.event, "welcome");
    const upgrade = ["GET /ws?room=tea HTTP/1.1", ...HANDSHAKE_HEADERS];
    const refused = await rawRequest(server.port, upgrade);
    assertEquals([refused.status, refused.headers.get("retry-after")], [503, "10"]);
    assertMatch(refused.body, /The room is full/);
    await using late = await EventSource.open(eventsUrl(server, "tea"), ACCEPT);
    const { event, data } = (await late.next())!;
    assertEquals([event, JSON.parse(data!).code], ["error", "room_full"]);
    assertEquals(server.app.chat.counters.limits.room_members, 2);
    await using _other = await Peer.open(`${server.url}?room=milk`);
  });

  Deno.test(`${engine}: a member that leaves makes room for another`, async () => {
    await using server = await startTestApp({ engine, maxRoomMembers: 1 });
    const first = await Peer.open(server.url);
    await assertRejects(() => Peer.open(server.url), Error);
    await first[Symbol.asyncDispose]();
    await server.logged("{id} disconnected");
    await using _second = await Peer.open(server.url);
  });

  Deno.test(`${engine}: a burst of upgrades does not exceed --max-room-members`, async () => {
    await using server = await startTestApp({ engine, maxRoomMembers: 10 });
    const peers = await Promise.all(Array.from({ length: 50 }, () => RawPeer.connect(server.port)));
    const handshake = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");
    await Promise.all(peers.map((peer) => peer.send(handshake)));
    const heads = await Promise.all(peers.map((peer) => peer.readHead()));
    assertEquals(heads.filter((head) => head.startsWith("HTTP/1.1 101 ")).length, 10);
    assertEquals(heads.filter((head) => head.startsWith("HTTP/1.1 503 ")).length, 40);
    for (const peer of peers) peer[Symbol.dispose]();
  });

  Deno.test(`${engine}: 0 disables the limits of connections and rooms`, async () => {
    await using server = await startTestApp({ engine, maxConnections: 0, maxRooms: 0 });
    await using _one = await Peer.open(`${server.url}?room=tea`);
    await using _other = await Peer.open(`${server.url}?room=milk`);
    const response = await fetch(new URL("/rooms", server.app.url));
    assertEquals((await response.json()).rooms.length, 2);
  });

  Deno.test(`${engine}: the server counts the refusals of each limit once`, async () => {
    const limits = { maxConnections: 1, maxRooms: 1, maxMessageBytes: 10 };
    await using server = await startTestApp({ engine, ...limits });
    const peer = await Peer.open(`${server.url}?room=tea`);
    await assertRejects(() => Peer.open(`${server.url}?room=tea`), Error);
    const publish = (room: string, body: string) =>
      fetch(new URL(`/rooms/${room}/messages`, server.app.url), {
        method: "POST",
        headers: { "content-type": "text/plain" },
        body,
      }).then(async (response) => {
        await response.body?.cancel();
        return response.status;
      });
    assertEquals(await publish("milk", "hi"), 503);
    assertEquals(await publish("tea", "x".repeat(11)), 413);
    peer.send("x".repeat(11));
    assertEquals((await peer.closed).code, 1009);
    await server.logged("{id} disconnected");
    // A client may close with the same code, for a message that it does not want.
    using fussy = await RawPeer.upgrade(server.port);
    await fussy.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf1]);
    await server.logged("{id} disconnected");
    const { connections, rooms, message_size } = server.app.chat.counters.limits;
    assertEquals([connections, rooms, message_size], [1, 1, 2]);
  });
}

Deno.test("--max-head-bytes limits the head of each request", async () => {
  await using server = await startTestApp({ maxHeadBytes: 1024 });
  const head = (length: number) => {
    const lines = ["GET /healthz HTTP/1.1", "Host: 127.0.0.1"];
    const others = [...lines, "Connection: close", "X: ", "", ""].join("\r\n").length;
    return [...lines, `X: ${"x".repeat(length - others)}`];
  };
  assertEquals((await rawRequest(server.port, head(1024))).status, 200);
  assertEquals(server.app.chat.counters.limits.head_size, 0);
  const { status, body } = await rawRequest(server.port, head(1025));
  assertEquals([status, server.app.chat.counters.limits.head_size], [431, 1]);
  assertMatch(body, /not whole after 1024 bytes/);
});
