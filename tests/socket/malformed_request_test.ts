import { assertEquals, assertMatch } from "@std/assert";
import { exchange, HEALTH, postHead, statusesIn, UPGRADE } from "./http_exchange.ts";
import { RawPeer } from "./raw_peer.ts";
import { startTestApp } from "./test_app.ts";

const CHUNKED = "Transfer-Encoding: chunked";

/** Requests with malformed heads, and the status that each gets. */
const HEADS: readonly (readonly [number, string])[] = [
  [400, "nonsense\r\n\r\n"],
  [400, "GET /healthz HTTP/1.1\r\n\r\n"],
  [400, "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
  [400, "GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n"],
  [400, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n folded\r\n\r\n"],
  [400, UPGRADE.replace("/ws", "/ws#x")],
  [400, UPGRADE.replace("/ws", "/ws?name=é")],
  [400, UPGRADE.replace(/Host: .*\r\n/, "")],
  [400, postHead("Content-Length: 5", CHUNKED)],
  [400, postHead("Content-Length: 5", "Content-Length: 6")],
  [400, postHead("Content-Length: +5")],
  [400, postHead("Transfer-Encoding: chunked, identity")],
  [501, postHead("Transfer-Encoding: gzip, chunked")],
  [501, "CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
  [505, HEALTH.replace("HTTP/1.1", "HTTP/1.2")],
  [505, HEALTH.replace("HTTP/1.1", "HTTP/2.0")],
  [431, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(16 * 1024)}`],
];

for (const [status, request] of HEADS) {
  const name = JSON.stringify(request).slice(0, 120);
  Deno.test(`a first or later request ${name} gets ${status}, and the connection ends`, async () => {
    await using server = await startTestApp();
    for (const before of ["", HEALTH, HEALTH + HEALTH, `${postHead("Content-Length: 2")}hi`]) {
      for (const isPipelined of [true, false]) {
        using peer = await RawPeer.connect(server.port);
        const count = before.match(/HTTP/g)?.length ?? 0;
        if (!isPipelined && count === 1) await exchange(peer, before);
        await peer.send((isPipelined || count !== 1 ? before : "") + request + HEALTH);
        const statuses = statusesIn(await peer.readToEnd());
        assertEquals(statuses.at(-1), status);
        assertEquals(statuses.length, isPipelined || count !== 1 ? count + 1 : 1);
        assertEquals(peer.wasReset, false);
      }
    }
    assertEquals(server.app.wires.size, 0);
  });
}

const BODIES = [
  "x\r\n",
  "-2\r\nhi\r\n",
  "2\nhi\r\n",
  "2\r\nhi!\r\n",
  "2\r\nhi\r\n0\r\n\n",
  "fffffffffffffffff\r\nhi",
  `2;${"x".repeat(1_000_000)}\r\nhi\r\n0\r\n\r\n`,
  // Only Deno.serve notices these. It closes without a response.
  "2\t\r\nhi\r\n0\r\n\r\n",
  "2;\x01\r\nhi\r\n0\r\n\r\n",
  "0\r\nno colon\r\n\r\n",
  "0\r\nname with space: a\r\n\r\n",
  "0\r\n: no name\r\n\r\n",
  "0\r\nA: a\r\n folded\r\n\r\n",
  "0\r\nA: \0\r\n\r\n",
];

for (const body of BODIES) {
  const name = JSON.stringify(body).slice(0, 40);
  Deno.test(`a body with the broken chunk ${name} gets 400, and is not published`, async () => {
    await using server = await startTestApp();
    for (const before of ["", HEALTH]) {
      for (const first of ["", "5\r\nhello\r\n"]) {
        using peer = await RawPeer.connect(server.port);
        if (before) await exchange(peer, before);
        await peer.send(postHead(CHUNKED) + first);
        await peer.send(`${body}${HEALTH}`);
        const text = await peer.readToEnd();
        assertEquals(statusesIn(text), [400]);
        assertMatch(
          text,
          /\r\n\r\n.*The body (has a chunk with a malformed|of the request is malformed|cannot)/,
        );
      }
    }
    using peer = await RawPeer.connect(server.port);
    const history = "GET /rooms/lobby/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    assertEquals(await exchange(peer, history), 404);
  });
}

Deno.test("a request that hides in the body of another is not answered", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.connect(server.port);
  const hidden = HEALTH.replace("/healthz", "/hidden");
  const size = hidden.length.toString(16);
  await peer.send(`${postHead(CHUNKED)}${size}\r\n${hidden}\r\n0\r\n\r\n`);
  await peer.send(postHead(`Content-Length: ${hidden.length}`) + hidden + HEALTH);
  await peer.closeWrite();
  assertEquals(statusesIn(await peer.readToEnd()), [201, 201, 200]);
});

Deno.test("HTTP/1.0 works without Host, closes, and keeps the connection only on request", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.connect(server.port);
  const request = "GET /healthz HTTP/1.0\r\n";
  assertEquals(await exchange(peer, `${request}Connection: keep-alive\r\n\r\n`), 200);
  await peer.send(`${request}\r\n${HEALTH}`);
  assertMatch(await peer.readToEnd(), /^HTTP\/1\.0 200 [^]*\r\n\r\nok\n$/);
});

Deno.test("a request behind Connection: close is ignored, also an upgrade", async () => {
  await using server = await startTestApp();
  for (const next of [HEALTH, UPGRADE, "nonsense\r\n\r\n"]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(HEALTH.replace("Host", "Connection: close\r\nHost") + next);
    assertEquals(statusesIn(await peer.readToEnd()), [200]);
  }
});
