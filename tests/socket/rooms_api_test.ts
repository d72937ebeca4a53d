import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { signWithSecret } from "../server/security/tokens/issuer.ts";
import { ChorusPeer } from "./chorus_peer.ts";
import { EventSource } from "./event_source.ts";
import { closeAll, Peer } from "./peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

function publish(
  { app }: TestApp,
  body: string | Uint8Array<ArrayBuffer>,
  { type = "text/plain", room = "tea", headers = {} } = {},
): Promise<Response> {
  return fetch(new URL(`/rooms/${room}/messages`, app.url), {
    method: "POST",
    headers: { "content-type": type, ...headers },
    body,
  });
}

async function get({ app }: TestApp, path: string): Promise<{
  response: Response;
  // deno-lint-ignore no-explicit-any -- tests read fields of any response
  body: any;
}> {
  const response = await fetch(new URL(path, app.url));
  return { response, body: await response.json() };
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: POST /rooms/R/messages publishes to room and history`, async () => {
    await using server = await startTestApp({ engine });
    await using plain = await Peer.open(`${server.url}?room=tea`);
    await using chorus = await ChorusPeer.open(`${server.url}?room=tea`);
    const one = await publish(server, "héllo");
    assertEquals(one.status, 201);
    const { position } = await one.json();
    const two = await publish(server, JSON.stringify({ text: "hi", name: "Ann" }), {
      type: "application/json; charset=utf-8",
    });
    assertEquals(two.status, 201);
    await two.body!.cancel();
    assertEquals(await plain.take(2), ["héllo", "hi"]);
    const { at: _, ...said } = await chorus.next("said");
    assertEquals(said, { type: "said", position, from: null, name: null, text: "héllo" });
    assertEquals((await chorus.next("said")).name, "Ann");
    const { body } = await get(server, "/rooms/tea/messages");
    assertEquals(body.messages.map(({ text }: { text: string }) => text), ["héllo", "hi"]);
  });

  Deno.test(`${engine}: GET /rooms/R/messages responds in pages, after any position`, async () => {
    await using server = await startTestApp({ engine });
    for (const text of ["1", "2", "3", "4", "5"]) {
      await (await publish(server, text)).body!.cancel();
    }
    const texts = [];
    let path: string | undefined = "/rooms/tea/messages?limit=2";
    while (path) {
      const { response, body } = await get(server, path);
      texts.push(body.messages.map(({ text }: { text: string }) => text));
      path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
      if (!path) assertEquals(body.position, body.messages.at(-1).position);
    }
    assertEquals(texts, [["1", "2"], ["3", "4"], ["5"]]);
    const { body: stray } = await get(server, "/rooms/tea/messages?after=nowhere");
    assertEquals([stray.recovered, stray.missedCount, stray.messages.length], [false, 0, 5]);
    const { body: end } = await get(server, `/rooms/tea/messages?after=${stray.position}`);
    assertEquals([end.recovered, end.messages], [true, []]);
  });

  Deno.test(`${engine}: GET /rooms/R/messages?before= responds in pages, back to the first`, async () => {
    await using server = await startTestApp({ engine });
    let position = "";
    for (const text of ["1", "2", "3", "4", "5"]) {
      ({ position } = await (await publish(server, text)).json());
    }
    const texts = [];
    let path: string | undefined = `/rooms/tea/messages?before=${position}&limit=2`;
    while (path) {
      const { response, body } = await get(server, path);
      assertEquals([body.room, body.recovered, body.missedCount], ["tea", true, 0]);
      texts.push(body.messages.map(({ text }: { text: string }) => text));
      path = response.headers.get("link")?.match(/^<(.*)>; rel="prev"$/)?.[1];
      if (path) {
        assertEquals(new URL(path, server.app.url).searchParams.get("before"), body.before);
        continue;
      }
      const { body: end } = await get(server, `/rooms/tea/messages?before=${body.before}`);
      assertEquals([end.messages, end.recovered, end.before], [[], true, body.before]);
    }
    assertEquals(texts, [["4", "5"], ["2", "3"], ["1"]]);
    // A room that does not know the position, as after a restart, has no messages before it.
    const before = "0123456789abcdef-7";
    const stray = await get(server, `/rooms/tea/messages?before=${before}&limit=2`);
    const empty = { room: "tea", before, recovered: false, missedCount: 0, messages: [] };
    assertEquals([stray.body, stray.response.headers.get("link")], [empty, null]);
  });

  Deno.test(`${engine}: GET /rooms/R/events resumes after Last-Event-ID`, async () => {
    await using server = await startTestApp({ engine });
    const url = new URL("/rooms/tea/events?name=Ann", server.app.url);
    const first = await EventSource.open(url);
    assertEquals(first.response.headers.get("content-type"), "text/event-stream");
    const { event, id, data } = (await first.next())!;
    assertEquals([event, JSON.parse(data!).position], ["welcome", id]);
    assertEquals(JSON.parse(data!).members[0].name, "Ann");
    await using sender = await Peer.open(`${server.url}?room=tea`);
    sender.send("one\ntwo");
    assertEquals((await first.said()).text, "one\ntwo");
    await first[Symbol.asyncDispose]();
    await server.logged("{id} disconnected");
    sender.send("three");
    await using again = await EventSource.open(url, { "last-event-id": id! });
    const texts = [(await again.said()).text, (await again.said()).text];
    sender.send("four");
    assertEquals([...texts, (await again.said()).text], ["one\ntwo", "three", "four"]);
  });

  Deno.test(`${engine}: subscribers share events that are parsed once`, async () => {
    await using server = await startTestApp({ engine });
    const url = new URL("/rooms/tea/events", server.app.url);
    const subscribers: EventSource[] = [];
    for (const _ of [1, 2, 3]) subscribers.push(await EventSource.open(url));
    // Wait until all subscribers are live, so that the message reaches them in one sweep.
    for (const subscriber of subscribers) {
      for (;;) {
        const { event, data } = (await subscriber.next())!;
        if (event === "joined" && JSON.parse(data!).memberCount === 3) break;
      }
    }
    const { parse } = JSON;
    let parseCount = 0;
    JSON.parse = (...args) => {
      parseCount++;
      return parse(...args);
    };
    try {
      const response = await publish(server, "hi");
      const events = await Promise.all(subscribers.map((subscriber) => subscriber.next()));
      assertEquals(parseCount, 1);
      assertEquals(events, events.map(() => events[0]));
      const { position } = await response.json();
      assertEquals(events[0]!.id, position);
      assertEquals(parse(events[0]!.data!).text, "hi");
    } finally {
      JSON.parse = parse;
      await closeAll(subscribers);
    }
  });

  Deno.test(`${engine}: App.drain() closes event streams after the published messages`, async () => {
    await using server = await startTestApp({ engine });
    await using events = await EventSource.open(new URL("/rooms/tea/events", server.app.url));
    assertEquals((await events.next())!.event, "welcome");
    await (await publish(server, "at last")).body!.cancel();
    const drained = server.app.drain();
    assertEquals((await events.said()).text, "at last");
    while (await events.next());
    await drained;
  });

  Deno.test(`${engine}: a quiet event stream gets comments`, async () => {
    await using server = await startTestApp({ engine, pingIntervalMs: 200 });
    await using events = await EventSource.open(new URL("/rooms/tea/events", server.app.url));
    while ((await events.next())![""] === undefined);
  });

  Deno.test(`${engine}: a subscriber that falls behind the log is closed with 4008`, async () => {
    await using server = await startTestApp({ engine, logRetentionBytes: 64 * 1024 });
    const stalled = await EventSource.open(new URL("/rooms/tea/events", server.app.url));
    await using reader = await Peer.open(`${server.url}?room=tea`);
    const ended = server.logged("{id} disconnected");
    let isEnded = false;
    ended.then(() => isEnded = true);
    const text = "x".repeat(60_000);
    while (!isEnded) {
      await (await publish(server, text)).body!.cancel();
      assertEquals(await reader.next(), text);
    }
    assertEquals((await ended).properties.code, 4008);
    assertEquals(server.app.chat.counters.slowReaders.closed, 1);
    await stalled[Symbol.asyncDispose]();
  });

  Deno.test(`${engine}: GET /rooms lists the rooms`, async () => {
    await using server = await startTestApp({ engine });
    await using _peer = await Peer.open(`${server.url}?room=Küche`);
    for (const room of ["b", "a"]) await (await publish(server, "hi", { room })).body!.cancel();
    const { body, response } = await get(server, "/rooms?limit=2");
    const counts = body.rooms.map((
      { name, memberCount }: { name: string; memberCount: number },
    ) => [name, memberCount]);
    assertEquals(counts, [["Küche", 1], ["a", 0]]);
    const next = response.headers.get("link")!.match(/^<(.*)>; rel="next"$/)![1]!;
    const { body: rest } = await get(server, next);
    assertEquals(rest.rooms.map(({ name }: { name: string }) => name), ["b"]);
  });

  Deno.test(`${engine}: the API reports errors as problem details`, async () => {
    await using server = await startTestApp({ engine, maxMessageBytes: 100, maxRooms: 1 });
    await using _peer = await Peer.open(`${server.url}?room=tea`);
    const json = { type: "application/json" };
    const cases: [Promise<Response>, number, string][] = [
      [publish(server, "x".repeat(101)), 413, "100 bytes"],
      [publish(server, JSON.stringify({ text: "x".repeat(101) }), json), 413, "100 bytes"],
      [publish(server, "x".repeat(1_000_000), json), 413, "100 bytes"],
      [publish(server, "hi", { type: "text/html" }), 415, "text/html"],
      [publish(server, Uint8Array.of(0xff)), 400, "UTF-8"],
      [publish(server, "hi", json), 400, "JSON"],
      [publish(server, "[]", json), 400, "object"],
      [publish(server, "{}", json), 400, "text"],
      [publish(server, '{"text":"\\ud800"}', json), 400, "Unicode"],
      [publish(server, '{"text":"a","id":""}', json), 400, "id"],
      [publish(server, '{"text":"a","name":7}', json), 400, "name"],
      [publish(server, "hi", { room: "tea%20room" }), 400, "visible"],
      [publish(server, "hi", { room: "%ff" }), 400, "visible"],
      [publish(server, "hi", { room: "coffee" }), 503, "too many rooms"],
      [fetch(new URL("/rooms/tea/nothing", server.app.url)), 404, "/messages"],
      [fetch(new URL("/rooms/coffee/messages", server.app.url)), 404, "does not exist"],
      [fetch(new URL("/rooms/tea/messages?limit=0", server.app.url)), 400, "limit"],
      [fetch(new URL("/rooms/tea/messages?before=7", server.app.url)), 400, "position"],
      [fetch(new URL("/rooms/tea/messages?before=&after=", server.app.url)), 400, "exclude"],
      [fetch(new URL("/rooms/tea/events?name=", server.app.url)), 400, "name"],
      [fetch(new URL("/rooms", server.app.url), { method: "DELETE" }), 405, "DELETE"],
      [publish(server, "hi", { headers: { origin: "https://evil.example" } }), 403, "evil"],
    ];
    for (const [responding, status, part] of cases) {
      const response = await responding;
      const problem = await response.json();
      assertEquals([response.status, problem.status], [status, status], problem.detail);
      assertEquals(response.headers.get("content-type"), "application/problem+json");
      assertStringIncludes(problem.detail, part);
      assert(problem.title.length > 0);
    }
  });

  Deno.test(`${engine}: another method gets 405 and those that the path accepts`, async () => {
    await using server = await startTestApp({ engine });
    const allowed = async (path: string, method: string) => {
      const response = await fetch(new URL(path, server.app.url), { method });
      await response.body?.cancel();
      return [response.status, response.headers.get("allow")];
    };
    assertEquals(await allowed("/rooms", "DELETE"), [405, "GET, HEAD, OPTIONS"]);
    for (const method of ["PUT", "constructor", "toString", "hasOwnProperty"]) {
      const expected = [405, "GET, HEAD, POST, OPTIONS"];
      assertEquals(await allowed("/rooms/tea/messages", method), expected);
    }
  });

  Deno.test(`${engine}: --log-messages logs a published message without the token in it`, async () => {
    await using server = await startTestApp({ engine, logMessages: true });
    const token = await signWithSecret({ sub: "ann" });
    await (await publish(server, `my token is ${token}`)).body!.cancel();
    const nameless = await server.logged("A client without a name published in {room}");
    assertEquals(nameless.properties.text, "my token is (token)");
    await (await publish(server, JSON.stringify({ text: "hi", name: "Ann" }), {
      type: "application/json",
    })).body!.cancel();
    const named = await server.logged("{name} published in {room}");
    assertEquals([named.properties.name, named.properties.text], ["Ann", "hi"]);
  });

  Deno.test(`${engine}: a JSON body may be six times as long as its text`, async () => {
    await using server = await startTestApp({ engine });
    await using peer = await Peer.open(`${server.url}?room=tea`);
    const text = "\0".repeat(65_536);
    const published = await publish(server, JSON.stringify({ text }), { type: "application/json" });
    assertEquals(published.status, 201);
    await published.body!.cancel();
    assertEquals(await peer.take(1), [text]);
  });

  Deno.test(`${engine}: HEAD /rooms/R/events adds no subscriber`, async () => {
    await using server = await startTestApp({ engine });
    const url = new URL("/rooms/tea/events", server.app.url);
    const response = await fetch(url, { method: "HEAD" });
    assertEquals([response.status, response.headers.get("content-type")], [
      200,
      "text/event-stream",
    ]);
    assertEquals([server.app.wires.size, server.app.chat.rooms.size], [0, 0]);
  });

  Deno.test(`${engine}: a page of an origin in --allow-origin may read and publish`, async () => {
    const origin = "https://app.example";
    await using server = await startTestApp({ engine, allowOrigin: [origin] });
    const url = new URL("/rooms/tea/messages", server.app.url);
    const asked = await fetch(url, { method: "OPTIONS", headers: { origin } });
    assertEquals([asked.status, asked.headers.get("access-control-allow-origin")], [204, origin]);
    assertStringIncludes(asked.headers.get("access-control-allow-methods")!, "POST");
    assertStringIncludes(asked.headers.get("access-control-allow-headers")!, "last-event-id");
    assertStringIncludes(asked.headers.get("access-control-allow-headers")!, "x-request-id");
    const published = await publish(server, "hi", { headers: { origin } });
    assertEquals(published.headers.get("access-control-allow-origin"), origin);
    assertEquals(published.headers.get("vary"), "origin");
    await published.body!.cancel();
  });
}
