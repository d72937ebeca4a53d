import { assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import type { AppOptions } from "../../lib/server/app.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { AdminToken } from "../../lib/server/security/admin_token.ts";
import { ChorusPeer } from "./chorus_peer.ts";
import { EventSource } from "./event_source.ts";
import { Peer } from "./peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

const TOKEN = "0123456789abcdef";

function start(
  overrides: Partial<ServerConfig>,
  options: Partial<AppOptions> = {},
): Promise<TestApp> {
  return startTestApp(overrides, { adminToken: new AdminToken(TOKEN), ...options });
}

/** Sends a request as an administrator. Returns the status and the JSON body. */
async function admin({ app }: TestApp, method: string, path: string, token = TOKEN): Promise<{
  status: number;
  headers: Headers;
  // deno-lint-ignore no-explicit-any -- tests read fields of any response
  body: any;
}> {
  const response = await fetch(new URL(path, app.url), {
    method,
    headers: token === "" ? {} : { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  const body = text.startsWith("{") ? JSON.parse(text) : text;
  return { status: response.status, headers: response.headers, body };
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: administrators need their token, and other servers have no /admin`, async () => {
    await using server = await start({ engine });
    for (const token of ["", "wrong"]) {
      const { status, headers, body } = await admin(server, "GET", "/admin/connections", token);
      assertEquals([status, headers.get("www-authenticate")], [401, 'Bearer realm="chorus"']);
      assertStringIncludes(body.detail, "--admin-token-file");
    }
    await server.app.drain();
    await using without = await startTestApp({ engine });
    assertEquals((await admin(without, "GET", "/admin/connections")).status, 404);
  });

  Deno.test(`${engine}: a wrong token of administrators is logged, at most once per second`, async () => {
    const clock = { nowMs: 0 };
    const clocks = { readMs: Date.now, monotonicMs: () => clock.nowMs };
    await using server = await start({ engine }, { clocks });
    const guess = () => admin(server, "GET", "/admin/connections", "not-the-token");
    for (let count = 0; count < 3; count++) assertEquals((await guess()).status, 401);
    await admin(server, "GET", "/admin/connections", "");
    const { properties, message } = await server.logged("A request from {ip} had a wrong token");
    assertEquals([properties.ip, properties.count], ["127.0.0.1", 0]);
    assertEquals(message.join("").includes("not-the-token"), false);
    clock.nowMs = 1000;
    await guess();
    const next = await server.logged("A request from {ip} had a wrong token");
    assertEquals(next.properties.count, 2);
    assertStringIncludes(next.message.join(""), ", and 2 more since the last such line");
  });

  Deno.test(`${engine}: --handshake-rate limits the wrong tokens of administrators`, async () => {
    await using server = await start({ engine, handshakeRate: 1 / 3600, rateBurstMs: 0 });
    assertEquals((await admin(server, "GET", "/admin/connections", "wrong")).status, 401);
    const { status, headers } = await admin(server, "GET", "/admin/connections");
    assertEquals([status, headers.get("retry-after")], [429, "3600"]);
    assertEquals(server.app.chat.counters.limits.wrong_tokens_per_address, 1);
  });

  Deno.test(`${engine}: filters have one spelling, and one that nothing can match gets 400`, async () => {
    await using server = await start({ engine });
    await using _peer = await Peer.open(`${server.url}?room=${encodeURIComponent("\u00e9")}`);
    for (const query of ["address=::ffff:127.0.0.1", "room=e%CC%81", "address=::FFFF:7f00:1"]) {
      const { body } = await admin(server, "GET", `/admin/connections?${query}`);
      assertEquals(body.connections.length, 1, query);
    }
    const invalid = [
      [
        "address=127.0.0.1:80",
        '?address= must be an IP address without a port: it was "127.0.0.1:80"',
      ],
      ["address=", '?address= must be an IP address without a port: it was ""'],
      ["room=a%20b", '?room= must be 1 to 128 visible characters without spaces: it was "a b"'],
      ["room=", '?room= must be 1 to 128 visible characters without spaces: it was ""'],
      ["user=", '?user= must be the name of a user: it was ""'],
    ];
    for (const [query, detail] of invalid) {
      for (const method of ["GET", "DELETE"]) {
        const { status, body } = await admin(server, method, `/admin/connections?${query}`);
        assertEquals([status, body.detail], [400, detail]);
      }
    }
  });

  Deno.test(`${engine}: administrators get an answer while the server closes its members`, async () => {
    await using server = await start({ engine, drainWindowMs: 10_000 });
    const peers = await Peer.openMany(server.url, 3);
    const drained = server.app.drain();
    assertEquals((await admin(server, "GET", "/admin/connections")).status, 200);
    assertEquals((await admin(server, "GET", "/rooms")).status, 503);
    assertEquals((await admin(server, "DELETE", "/admin/connections?room=lobby")).status, 200);
    for (const peer of peers) await peer.closed;
    await drained;
  });

  Deno.test(`${engine}: DELETE /admin/rooms/R gets 503 while stored messages cannot be read`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const data = `${folder}/chat.db`;
      await using server = await start({ engine, data });
      using database = new DatabaseSync(data);
      database.exec("ALTER TABLE rooms RENAME TO moved");
      const { status, headers } = await admin(server, "DELETE", "/admin/rooms/tea");
      assertEquals([status, headers.get("retry-after")], [503, "1"]);
      database.exec("ALTER TABLE moved RENAME TO rooms");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`${engine}: GET /admin/connections lists connections in pages, and by room and address`, async () => {
    await using server = await start({ engine });
    await using _plain = await Peer.open(`${server.url}?room=tea`);
    await using _chorus = await ChorusPeer.open(`${server.url}?room=milk&name=Ann`);
    await using _events = await EventSource.open(new URL("/rooms/tea/events", server.app.url));
    const { body } = await admin(server, "GET", "/admin/connections");
    const shown = body.connections.map((
      { id, address, connectedAt, ...rest }: Record<string, string>,
    ) => {
      assertEquals([id!.length, address!.split(":")[0]], [36, "127.0.0.1"]);
      assertEquals(new Date(connectedAt!).toISOString(), connectedAt);
      return rest;
    });
    // Ids of the same millisecond are in any order.
    assertEquals(
      new Set(shown.map((each: Record<string, string>) => JSON.stringify(each))),
      new Set([
        '{"user":null,"name":null,"room":"tea","format":"plain"}',
        '{"user":null,"name":"Ann","room":"milk","format":"chorus.v1"}',
        '{"user":null,"name":null,"room":"tea","format":"events"}',
      ]),
    );
    const ids = body.connections.filter(({ room }: { room: string }) => room === "tea")
      .map(({ id }: { id: string }) => id);
    const listed = [];
    let path: string | undefined = "/admin/connections?room=tea&address=127.0.0.1&limit=1";
    while (path) {
      const { body, headers } = await admin(server, "GET", path);
      listed.push(...body.connections.map(({ id }: { id: string }) => id));
      path = headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
    }
    assertEquals(listed, ids);
    const none = await admin(server, "GET", "/admin/connections?address=127.0.0.2");
    assertEquals(none.body.connections, []);
  });

  Deno.test(`${engine}: DELETE /admin/connections closes one, or those of a room`, async () => {
    await using server = await start({ engine });
    const one = await Peer.open(`${server.url}?room=tea`);
    const { body } = await admin(server, "GET", "/admin/connections");
    const path = `/admin/connections/${body.connections[0].id}`;
    assertEquals((await admin(server, "DELETE", path)).status, 204);
    const { code, reason } = await one.closed;
    assertEquals([code, reason], [4500, "closed by an administrator"]);
    assertEquals((await admin(server, "DELETE", path)).status, 404);
    const others = [
      await Peer.open(`${server.url}?room=tea`),
      await Peer.open(`${server.url}?room=tea`),
    ];
    await using milk = await Peer.open(`${server.url}?room=milk`);
    await using reader = await Peer.open(`${server.url}?room=milk`);
    const closed = await admin(server, "DELETE", "/admin/connections?room=tea");
    assertEquals(closed.body, { closed: 2 });
    for (const each of others) assertEquals((await each.closed).code, 4500);
    milk.send("hi");
    assertEquals(await reader.take(1), ["hi"]);
  });

  Deno.test(`${engine}: DELETE /admin/connections closes nothing without a known filter`, async () => {
    await using server = await start({ engine });
    await using _peer = await Peer.open(server.url);
    for (const query of ["", "?rooms=lobby", "?room=lobby&adress=127.0.0.1"]) {
      assertEquals(
        (await admin(server, "DELETE", `/admin/connections${query}`)).status,
        400,
        query,
      );
    }
    assertEquals(server.app.chat.size, 1);
  });

  Deno.test(`${engine}: an event stream that administrators close ends with the reason`, async () => {
    await using server = await start({ engine });
    for (
      const [path, code, message] of [
        ["/admin/connections?room=tea", "removed", "closed by an administrator"],
        ["/admin/rooms/tea", "room_deleted", "the room was deleted"],
      ] as const
    ) {
      await using events = await EventSource.open(new URL("/rooms/tea/events", server.app.url));
      for (const name of ["welcome", "joined"]) {
        assertEquals((await events.next())!.event, name);
      }
      await admin(server, "DELETE", path);
      const data = JSON.stringify({ type: "error", code, message });
      assertEquals(await events.next(), { event: "error", data });
      assertEquals(await events.next(), undefined);
    }
  });

  for (const isDurable of [false, true]) {
    const kind = isDurable ? "stored" : "in memory";
    Deno.test(`${engine}: DELETE /admin/rooms/R closes its members and deletes its messages (${kind})`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        await using server = await start({ engine, data: isDurable ? `${folder}/chat.db` : "" });
        const member = await ChorusPeer.open(`${server.url}?room=tea`);
        await using other = await ChorusPeer.open(`${server.url}?room=milk`);
        member.say("hi", "1");
        const deleted = (await member.next("ack")).position;
        other.say("hi", "1");
        const { position } = await other.next("ack");
        assertEquals((await admin(server, "DELETE", "/admin/rooms/tea")).status, 204);
        assertEquals((await member.closed).code, 4504);
        const { body } = await admin(server, "GET", "/rooms");
        assertEquals(body.rooms, [{ name: "milk", memberCount: 1, position }]);
        assertEquals((await admin(server, "GET", "/rooms/tea/messages")).status, 404);
        assertEquals((await admin(server, "DELETE", "/admin/rooms/tea")).status, 404);
        // The room begins anew. A position of a deleted message is unknown.
        await using again = await ChorusPeer.open(`${server.url}?room=tea&since=${deleted}`);
        assertEquals((await again.next("gap")).reason, "unknown position");
        again.say("hello", "1");
        assertEquals((await again.next("ack")).duplicate, undefined);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
