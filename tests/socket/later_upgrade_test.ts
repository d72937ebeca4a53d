import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readTlsFiles } from "../../lib/server/security/tls_files.ts";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { exchange, HEALTH, postHead, readResponse, statusesIn, UPGRADE } from "./http_exchange.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { startTestApp, type TestApp } from "./test_app.ts";

const TLS_FILES = await readTlsFiles({
  tlsCert: new URL("tls_cert.pem", import.meta.url).pathname,
  tlsKey: new URL("tls_key.pem", import.meta.url).pathname,
});

/** The header of a binary message of 60 MiB, with a mask. */
const LARGE_HEADER = [0x82, 0xff, 0, 0, 0, 0, 0x03, 0xc0, 0, 0, 0, 0, 0, 0];

/** Checks that the direct engine has this connection: it closes a large message by its header. */
async function assertDirect(peer: RawPeer): Promise<void> {
  await peer.send(LARGE_HEADER);
  const [close] = await Array.fromAsync(peer.frames());
  assertEquals([close!.opcode, close!.payload[0]! << 8 | close!.payload[1]!], [8, 1009]);
}

/** What a connection does before it upgrades, and the statuses of the responses. */
const BEFORE: Readonly<Record<string, { requests: readonly string[]; statuses: number[] }>> = {
  "one request": { requests: [HEALTH], statuses: [200] },
  "four requests": {
    requests: [
      HEALTH,
      HEALTH.replace("GET", "HEAD"),
      HEALTH.replace("/healthz", "/nope"),
      HEALTH.replace("GET", "DELETE"),
    ],
    statuses: [200, 200, 404, 405],
  },
  "a body of a known length": {
    requests: [`${postHead("Content-Length: 5")}GET /`],
    statuses: [201],
  },
  "a chunked body with trailers": {
    requests: [`${postHead("Transfer-Encoding: chunked")}2;a=b\r\nhi\r\n0\r\nA: 1\r\nB: 2\r\n\r\n`],
    statuses: [201],
  },
  "empty lines": { requests: [`${HEALTH}\r\n\r\n`], statuses: [200] },
  "refused upgrades": {
    requests: [
      UPGRADE.replace("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n"),
      UPGRADE.replace("/ws", "/ws?room=%00"),
      UPGRADE.replace("Version: 13", "Version: 8"),
      UPGRADE.replace(/Sec-WebSocket-Key.*\r\n/, ""),
      UPGRADE.replace("GET", "PUT"),
      UPGRADE.replace("/ws", "/nope"),
    ],
    statuses: [403, 400, 426, 400, 405, 404],
  },
};

for (const [name, { requests, statuses }] of Object.entries(BEFORE)) {
  Deno.test(`an upgrade after ${name} goes to the direct engine`, async () => {
    await using server = await startTestApp({ closeTimeoutMs: 30 });
    using peer = await RawPeer.connect(server.port);
    for (const [index, request] of requests.entries()) {
      await peer.send(request);
      // The response to HEAD has a length, but no body.
      const status = request.startsWith("HEAD")
        ? Number((await peer.readHead()).split(" ")[1])
        : (await readResponse(peer)).status;
      assertEquals(status, statuses[index]);
    }
    await peer.send(UPGRADE);
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
    const { properties } = await server.logged("{id} connected");
    assertEquals(properties.address, peer.address);
    await assertDirect(peer);
    assertEquals((await server.logged("{id} disconnected")).properties.code, 1009);
  });

  Deno.test(`an upgrade pipelined behind ${name} comes after all responses`, async () => {
    await using server = await startTestApp();
    await using witness = await Peer.open(server.url);
    using peer = await RawPeer.connect(server.port);
    const hello = encodeWireFrame(frame(1, "glued"), "client");
    await peer.send([
      ...new TextEncoder().encode(requests.join("") + UPGRADE),
      ...hello,
    ]);
    while (await witness.next() !== "glued");
    await peer.send(LARGE_HEADER);
    const text = await peer.readToEnd();
    assertEquals(statusesIn(text), [...statuses, 101]);
  });
}

Deno.test("a later upgrade may be cut at every byte", async () => {
  await using server = await startTestApp();
  for (let at = 1; at < UPGRADE.length; at += 7) {
    using peer = await RawPeer.connect(server.port);
    assertEquals(await exchange(peer, HEALTH + UPGRADE.slice(0, at)), 200);
    for (const character of UPGRADE.slice(at)) await peer.send(character);
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
    await server.logged("{id} connected");
  }
});

Deno.test("an upgrade behind a response that is read slowly comes after its last byte", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.connect(server.port);
  const text = "x".repeat(60_000);
  for (let count = 0; count < 20; count++) {
    assertEquals(await exchange(peer, postHead(`Content-Length: ${text.length}`) + text), 201);
  }
  const history = "GET /rooms/lobby/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  // More than the system's buffers hold, so the server has to wait for this peer to read.
  await peer.send(history.repeat(10) + UPGRADE);
  for (let count = 0; count < 10; count++) {
    const { status, body } = await readResponse(peer);
    assertEquals([status, JSON.parse(body).messages[0].text], [200, text]);
  }
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
  await assertDirect(peer);
});

Deno.test("an upgrade behind a commit waits for its response", async () => {
  const folder = await Deno.makeTempDir();
  {
    await using server = await startTestApp({ data: `${folder}/chat.db` });
    using peer = await RawPeer.connect(server.port);
    await peer.send(`${postHead("Content-Length: 2")}hi${UPGRADE}`);
    assertEquals((await readResponse(peer)).status, 201);
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
    await assertDirect(peer);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("an upgrade behind an event stream waits for its end", async () => {
  await using server = await startTestApp();
  using peer = await RawPeer.connect(server.port);
  await peer.send("GET /rooms/a/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + UPGRADE);
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 200 /);
  const drained = server.app.drain();
  const text = await peer.readToEnd();
  assertStringIncludes(text, "event:welcome");
  assertMatch(text, /\r\n0\r\n\r\n/);
  assertEquals(statusesIn(text), []);
  await drained;
});

Deno.test("a later upgrade gets 503 while the chat is full, and then connects", async () => {
  await using server = await startTestApp({ maxConnections: 1 });
  using peer = await RawPeer.connect(server.port);
  {
    await using _other = await Peer.open(server.url);
    assertEquals(await exchange(peer, UPGRADE), 503);
    assertEquals(await exchange(peer, HEALTH), 200);
  }
  await server.logged("{id} disconnected");
  await peer.send(UPGRADE);
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
});

Deno.test("a later upgrade frees its pipe", async () => {
  await using server = await startTestApp({ maxConnections: 1 });
  using peer = await RawPeer.connect(server.port);
  await peer.send(HEALTH + UPGRADE);
  await readResponse(peer);
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
  // The server closes the pipe in its next turns.
  for (let status = 0; status !== 200;) {
    using next = await RawPeer.connect(server.port);
    status = await exchange(next, HEALTH);
  }
});

Deno.test("later upgrades do not exceed --max-connections", async () => {
  await using server = await startTestApp({ maxConnections: 10 });
  const peers = await Promise.all(Array.from({ length: 10 }, () => RawPeer.connect(server.port)));
  await Promise.all(peers.map((peer) => exchange(peer, HEALTH)));
  using seated = await RawPeer.upgrade(server.port);
  await Promise.all(peers.map((peer) => peer.send(HEALTH + UPGRADE)));
  const statuses = await Promise.all(peers.map(async (peer) => {
    await readResponse(peer);
    return (await readResponse(peer)).status;
  }));
  assertEquals(statuses.toSorted(), [...Array(9).fill(101), 503]);
  await assertDirect(seated);
  for (const peer of peers) peer[Symbol.dispose]();
});

Deno.test("a peer that ends its side behind a later upgrade leaves the chat at once", async () => {
  await using server = await startTestApp({ pingIntervalMs: 0 });
  using peer = await RawPeer.connect(server.port);
  await peer.send(HEALTH + UPGRADE);
  await peer.closeWrite();
  assertEquals(statusesIn(await peer.readToEnd()), [200, 101]);
  assertEquals((await server.logged("{id} disconnected")).properties.code, 1006);
});

Deno.test("an upgrade to an absolute target goes to the direct engine", async () => {
  await using server = await startTestApp();
  for (const target of ["http://127.0.0.1/ws", "ws://localhost:1/ws?room=a"]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(UPGRADE.replace("/ws", target));
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
    await assertDirect(peer);
  }
});

Deno.test("a later upgrade over TLS goes to the direct engine", async () => {
  await using server = await startTestApp({}, { tls: TLS_FILES });
  using peer = await connectTls(server);
  assertEquals(await exchange(peer, HEALTH), 200);
  await peer.send(HEALTH + UPGRADE);
  assertEquals((await readResponse(peer)).status, 200);
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
  await assertDirect(peer);
});

async function connectTls({ port }: TestApp): Promise<RawPeer> {
  const caCerts = [TLS_FILES!.cert];
  return RawPeer.over(await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts }));
}

Deno.test("an upgrade over HTTP/1.0 gets 426", async () => {
  await using server = await startTestApp();
  for (const before of ["", HEALTH]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(before + UPGRADE.replace("HTTP/1.1", "HTTP/1.0"));
    const text = await peer.readToEnd();
    assertEquals(statusesIn(text).at(-1), 426);
    assertMatch(text, /\r\nUpgrade: websocket\r\n/);
    assertMatch(text, /A WebSocket needs HTTP\/1\.1/);
  }
  assertEquals(server.app.wires.size, 0);
  using page = await RawPeer.connect(server.port);
  const request = ["GET / HTTP/1.0", ...HANDSHAKE_HEADERS.slice(0, 1), "", ""].join("\r\n");
  assertEquals(await exchange(page, request), 200);
});
