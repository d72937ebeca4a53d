import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { statusOf } from "../../lib/chat/chorus_v1.ts";
import { CLOSE_CODES } from "../../lib/chat/close_code.ts";
import { EventSource } from "./event_source.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer, rawRequest } from "./raw_peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

const ACCEPT = { accept: "text/event-stream" };
const GET_EVENTS = "GET /rooms/tea/events HTTP/1.1\r\nHost: 127.0.0.1\r\n";

const CLOSE = { headers: { connection: "close" } };

function eventsUrl({ app }: TestApp): URL {
  return new URL("/rooms/tea/events", app.url);
}

/** Subscribes as `EventSource` does, and reads the whole stream, which has one event. */
async function refusedEvents(
  url: URL,
): Promise<{ response: Response; retry: string; code: string; message: string }> {
  const origin = url.origin;
  await using events = await EventSource.open(url, { ...ACCEPT, origin });
  const { response } = events;
  assertEquals([response.status, response.headers.get("content-type")], [200, ACCEPT.accept]);
  assertEquals(response.headers.get("access-control-allow-origin"), origin);
  const { event, retry, data } = (await events.next())!;
  assertEquals([event, await events.next()], ["error", undefined]);
  const { type, ...error } = JSON.parse(data!);
  assertEquals(type, "error");
  return { response, retry: retry!, ...error };
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: EventSource gets a 503 as an event, and others as problem details`, async () => {
    await using server = await startTestApp({ engine, maxConnections: 1, maxRooms: 1 });
    await using _peer = await Peer.open(`${server.url}?room=tea`);
    const { retry, code, message } = await refusedEvents(eventsUrl(server));
    assertEquals([retry, code], ["10000", "server_full"]);
    assertEquals(message, "The chat is full: try again later");
    for (
      const [method, accept] of [["GET", "*/*"], ["HEAD", ACCEPT.accept], ["GET", "text/html"]]
    ) {
      const headers = { accept: accept! };
      const response = await fetch(eventsUrl(server), { method: method!, headers });
      assertEquals([response.status, response.headers.get("retry-after")], [503, "10"]);
      assertEquals(response.headers.get("content-type"), "application/problem+json");
      await response.body?.cancel();
    }
  });

  Deno.test(`${engine}: EventSource gets too_many_rooms as an event`, async () => {
    await using server = await startTestApp({ engine, maxRooms: 1 });
    await using _peer = await Peer.open(`${server.url}?room=coffee`);
    const { retry, code } = await refusedEvents(eventsUrl(server));
    assertEquals([retry, code], ["10000", "too_many_rooms"]);
  });

  Deno.test(`${engine}: EventSource gets history_unavailable as an event`, async () => {
    const path = await Deno.makeTempFile();
    {
      await using server = await startTestApp({ engine, data: path });
      const database = new DatabaseSync(path);
      database.exec("DROP TABLE rooms");
      database.close();
      const { retry, code } = await refusedEvents(eventsUrl(server));
      assertEquals([retry, code], ["1000", "history_unavailable"]);
    }
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      await Deno.remove(file).catch(() => {});
    }
  });

  Deno.test(`${engine}: EventSource gets server_stopping as an event`, async () => {
    await using server = await startTestApp({ engine, drainTimeoutMs: 60_000 });
    using member = await RawPeer.upgrade(server.port);
    await server.logged("{id} connected");
    using peer = await RawPeer.connect(server.port);
    await peer.send("HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await peer.readHead();
    const drained = server.app.drain();
    await peer.send(`${GET_EVENTS}Accept: text/event-stream\r\n\r\n`);
    const head = await peer.readHead();
    assertMatch(head, /^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n/i);
    const body = await peer.read(Number(head.match(/content-length: (\d+)/i)![1]));
    const text = new TextDecoder().decode(body);
    assertMatch(text, /^retry:1000\nevent:error\ndata:.*"server_stopping".*\n\n$/);
    await member.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);
    await drained;
  });

  Deno.test(`${engine}: a request of EventSource that can never succeed gets an error status`, async () => {
    await using server = await startTestApp({ engine });
    for (
      const [path, origin, status] of [
        ["/rooms/tea/events?name=", "", 400],
        ["/rooms/tea/events", "http://evil.example", 403],
        ["/rooms/tea/nothing", "", 404],
      ] as const
    ) {
      const headers = origin === "" ? ACCEPT : { ...ACCEPT, origin };
      const response = await fetch(new URL(path, server.app.url), { headers });
      assertEquals([response.status, (await response.json()).status], [status, status]);
      const isReadable = response.headers.has("access-control-allow-origin");
      assertEquals(isReadable, false);
    }
  });

  Deno.test(`${engine}: an event stream tells whether messages are stored`, async () => {
    await using server = await startTestApp({ engine });
    await using events = await EventSource.open(eventsUrl(server));
    for (const name of ["welcome", "joined"]) assertEquals((await events.next())!.event, name);
    for (const storing of [false, true]) {
      const status = statusOf(storing);
      server.app.chat.rooms.announce(status);
      assertEquals(await events.next(), { event: "status", data: JSON.stringify(status) });
    }
  });

  Deno.test(`${engine}: an event stream resumes after the messages have started over`, async () => {
    await using server = await startTestApp({ engine });
    await using peer = await Peer.open(`${server.url}?room=tea`);
    peer.send("old");
    const since = "fedcba9876543210-9";
    const headers = { "last-event-id": since };
    {
      await using events = await EventSource.open(eventsUrl(server));
      for (const name of ["welcome", "joined"]) assertEquals((await events.next())!.event, name);
      for (const member of [...server.app.chat.members]) member.close(CLOSE_CODES.startedOver);
      const error = { type: "error", code: "started_over", message: "messages have started over" };
      assertEquals(await events.next(), { event: "error", data: JSON.stringify(error) });
      assertEquals(await events.next(), undefined);
    }
    assertEquals((await peer.closed).code, 1012);
    await using again = await EventSource.open(eventsUrl(server), headers);
    assertEquals((await again.next())!.event, "welcome");
    const { event, data } = (await again.next())!;
    const { after, missedCount, reason } = JSON.parse(data!);
    assertEquals([event, after, missedCount, reason], ["gap", since, 0, "unknown position"]);
  });

  Deno.test(`${engine}: proxies neither buffer nor compress an event stream`, async () => {
    await using server = await startTestApp({ engine });
    await using events = await EventSource.open(eventsUrl(server), {
      ...ACCEPT,
      "accept-encoding": "gzip, br",
    });
    const { headers } = events.response;
    assertEquals(headers.get("x-accel-buffering"), "no");
    assertEquals(headers.get("cache-control"), "no-store");
    assertEquals(headers.get("content-encoding"), null);
    const welcome = (await events.next())!;
    assertEquals([welcome.event, welcome.retry], ["welcome", "3000"]);
  });

  Deno.test(`${engine}: HEAD /rooms/R/events has the headers of GET, and no length`, async () => {
    await using server = await startTestApp({ engine });
    const { headers, body } = await rawRequest(server.port, [
      GET_EVENTS.replace("GET", "HEAD").trimEnd(),
    ]);
    assertEquals(headers.get("content-type"), "text/event-stream");
    assertEquals(headers.get("x-accel-buffering"), "no");
    assertEquals([headers.get("content-length"), body], [null, ""]);
  });

  Deno.test(`${engine}: a stalled event stream ends without pings too`, async () => {
    const limits = { pingIntervalMs: 0, stallTimeoutMs: 100, logRetentionBytes: 256 * 1024 ** 2 };
    await using server = await startTestApp({ engine, ...limits, maxConnections: 3 });
    using stalled = await RawPeer.connect(server.port);
    await stalled.send(`${GET_EVENTS}\r\n`);
    await server.logged("{id} connected");
    await using healthy = await EventSource.open(eventsUrl(server));
    await using sender = await Peer.open(`${server.url}?room=tea`);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    let end: unknown;
    server.logged("{id} disconnected").then(({ properties }) => end = properties.code);
    while (end === undefined) {
      sender.send("x".repeat(60_000));
      await healthy.said();
    }
    // It did not fall out of the log.
    assertEquals([end, server.app.chat.counters.slowReaders], [4008, {
      closed: 0,
      skipped: 0,
      stalled: 1,
    }]);
    assertEquals(server.app.chat.size, 2);
    // In the direct engine its pipe ends too: then there are two others besides the healthy one's.
    for (let statuses = [0]; statuses.some((status) => status !== 200);) {
      const requests = [1, 2].map(() => fetch(new URL("/rooms", server.app.url), CLOSE));
      const responses = await Promise.all(requests);
      statuses = responses.map(({ status }) => status);
      for (const response of responses) await response.body?.cancel();
    }
  });
}

Deno.test("direct: EventSource gets the reason as an event when there are too many pipes", async () => {
  await using server = await startTestApp({ maxConnections: 1 });
  using first = await RawPeer.connect(server.port);
  await first.send("HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  await first.readHead();
  using peer = await RawPeer.connect(server.port);
  await peer.send(`${GET_EVENTS}Accept: text/event-stream\r\nOrigin: http://127.0.0.1\r\n\r\n`);
  const text = await peer.readToEnd();
  assertMatch(
    text,
    /^HTTP\/1\.1 200 [^]*\r\naccess-control-allow-origin: http:\/\/127\.0\.0\.1\r\n/,
  );
  assertMatch(text, /\r\n\r\nretry:10000\nevent:error\ndata:.*"too_many_http_connections".*\n\n$/);
});

Deno.test("serve: upgrades under way count for --max-connections", async () => {
  await using server = await startTestApp({ engine: "serve", maxConnections: 3 });
  const peers = await Promise.all(Array.from({ length: 30 }, () => RawPeer.connect(server.port)));
  const request = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");
  await Promise.all(peers.map((peer) => peer.send(request)));
  const heads = await Promise.all(peers.map((peer) => peer.readHead()));
  assertEquals(heads.filter((head) => head.startsWith("HTTP/1.1 101 ")).length, 3);
  assert(server.app.chat.size <= 3);
  for (const peer of peers) peer[Symbol.dispose]();
  for (let count = 0; count < 3; count++) await server.logged("{id} disconnected");
  await using _next = await Peer.open(server.url);
  assertStringIncludes(heads.find((head) => head.includes(" 503 "))!, "retry-after: 10");
});
