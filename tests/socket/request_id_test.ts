import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
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

  Deno.test(`${engine}: a request that is late has its id in the answer`, async () => {
    await using server = await startTestApp({ engine, requestTimeoutMs: 50 });
    for (const [field, id] of [["X-Request-Id: late-1\r\n", /^late-1$/], ["", UUID]] as const) {
      using peer = await RawPeer.connect(server.port);
      await peer.send(
        `POST /rooms/tea/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n${field}` +
          "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nh",
      );
      const head = await peer.readHead();
      assertStringIncludes(head, "HTTP/1.1 408 ");
      assertMatch(head.match(/^x-request-id: (.*)\r$/im)?.[1] ?? "", id);
    }
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

Deno.test("direct: a request with a malformed body, or over HTTP/1.0, has its id in the answer", async () => {
  await using server = await startTestApp();
  const id = "X-Request-Id: bad-1";
  const chunked = ["Host: 127.0.0.1", id, "Transfer-Encoding: chunked", "", "z", ""];
  for (
    const [status, ...lines] of [
      [400, "POST /rooms/tea/messages HTTP/1.1", ...chunked],
      [426, "GET /ws HTTP/1.0", ...HANDSHAKE_HEADERS, id, "", ""],
    ]
  ) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(lines.join("\r\n"));
    const response = await peer.readHead();
    assertStringIncludes(response, `HTTP/1.1 ${status} `);
    assertStringIncludes(response, "\r\nx-request-id: bad-1\r\n");
  }
});
