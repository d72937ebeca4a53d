import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Peer } from "./peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

for (const engine of ENGINES) {
  Deno.test(`${engine}: each response has the id of its request, or a new one`, async () => {
    await using server = await startTestApp({ engine });
    for (const path of ["/healthz", "/", "/nowhere", "/rooms", "/rooms/a/b"]) {
      const url = new URL(path, server.app.url);
      const given = await fetch(url, { headers: { "x-request-id": "proxy-7" } });
      assertEquals(given.headers.get("x-request-id"), "proxy-7", path);
      const made = await fetch(url);
      assertMatch(made.headers.get("x-request-id")!, UUID);
      const bad = await fetch(url, { headers: { "x-request-id": "a b\t{}" } });
      assertMatch(bad.headers.get("x-request-id")!, UUID);
      await Promise.all([given, made, bad].map(({ body }) => body!.cancel()));
    }
  });

  Deno.test(`${engine}: problem details have the id of their request`, async () => {
    await using server = await startTestApp({ engine });
    const url = new URL("/rooms?limit=0", server.app.url);
    const response = await fetch(url, { headers: { "x-request-id": "proxy-8" } });
    assertEquals((await response.json()).requestId, "proxy-8");
  });

  Deno.test(`${engine}: the log has the id of the request that opened a connection`, async () => {
    await using server = await startTestApp({ engine });
    await using _peer = await Peer.open(server.url);
    const without = await server.logged("{id} connected");
    assertEquals(without.properties.requestId, undefined);
    const events = await fetch(new URL("/rooms/tea/events", server.app.url), {
      headers: { "x-request-id": "proxy-9" },
    });
    const { rawMessage, properties } = await server.logged("{id} connected");
    assertStringIncludes(String(rawMessage), "(request {requestId})");
    assertEquals(properties.requestId, "proxy-9");
    await events.body!.cancel();
  });
}
