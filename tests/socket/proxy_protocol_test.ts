import { Buffer } from "node:buffer";
import { type AddressInfo, connect, createServer } from "node:net";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readTlsFiles } from "../../lib/server/security/tls_files.ts";
import { hideTcpHandles } from "../websocket/transport/hidden_handles.ts";
import { shakeHands } from "./handshake.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { startTestApp, type TestApp } from "./test_app.ts";

const FILES = await readTlsFiles({
  tlsCert: new URL("tls_cert.pem", import.meta.url).pathname,
  tlsKey: new URL("tls_key.pem", import.meta.url).pathname,
});

const TRUSTED = { trustProxy: ["127.0.0.1"] };

const V1 = "PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n";

/** The header of version 2 for 192.0.2.1:4660, with an extension. */
const V2 = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x12" +
  String.fromCharCode(...[192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x34, 0, 80, 4, 0, 3, 1, 2, 3]);

const HANDSHAKE = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

async function connectedFrom(server: TestApp): Promise<unknown> {
  return (await server.logged("{id} connected")).properties.address;
}

for (const [version, header] of [["1", V1], ["2", V2]] as const) {
  Deno.test(`a trusted proxy tells the client's address with the PROXY protocol ${version}`, async () => {
    await using server = await startTestApp(TRUSTED);
    using whole = await RawPeer.connect(server.port);
    await whole.send(latin1(header + HANDSHAKE));
    assertStringIncludes(await whole.readHead(), " 101 ");
    assertEquals(await connectedFrom(server), "192.0.2.1:4660");
    using pieces = await RawPeer.connect(server.port);
    for (const byte of latin1(header + HANDSHAKE)) await pieces.send([byte]);
    assertStringIncludes(await pieces.readHead(), " 101 ");
    assertEquals(await connectedFrom(server), "192.0.2.1:4660");
  });
}

Deno.test("a PROXY header is read without TCP handles as well", async () => {
  using _hidden = hideTcpHandles();
  await using server = await startTestApp(TRUSTED);
  using peer = await RawPeer.connect(server.port);
  await peer.send(V1 + HANDSHAKE);
  assertStringIncludes(await peer.readHead(), " 101 ");
  assertEquals(await connectedFrom(server), "192.0.2.1:4660");
});

Deno.test("a PROXY header comes before any request, once per connection", async () => {
  await using server = await startTestApp(TRUSTED);
  using peer = await RawPeer.connect(server.port);
  const request = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  await peer.send(V1 + request);
  assertStringIncludes(await peer.readHead(), " 200 ");
  await peer.read("ok\n".length);
  await peer.send(V1 + request);
  assertStringIncludes(await peer.readToEnd(), " 400 ");
});

Deno.test("a trusted proxy may send no PROXY header, or one without an address", async () => {
  await using server = await startTestApp(TRUSTED);
  for (const header of ["", "PROXY UNKNOWN\r\n"]) {
    using peer = await RawPeer.connect(server.port);
    await peer.send(header + HANDSHAKE);
    assertStringIncludes(await peer.readHead(), " 101 ");
    assertEquals(await connectedFrom(server), peer.address);
  }
});

Deno.test("a PROXY header of another peer is a malformed request", async () => {
  await using server = await startTestApp({ trustProxy: ["192.0.2.0/24"] });
  using peer = await RawPeer.connect(server.port);
  await peer.send(V1 + HANDSHAKE);
  assertStringIncludes(await peer.readToEnd(), " 400 ");
});

Deno.test("a malformed PROXY header closes the connection, and no other", async () => {
  await using server = await startTestApp({ ...TRUSTED, handshakeTimeoutMs: 0 });
  using peer = await RawPeer.upgrade(server.port);
  using malformed = await RawPeer.connect(server.port);
  await malformed.send("PROXY TCP4 localhost 10.0.0.1 1 2\r\n" + HANDSHAKE);
  assertEquals(await malformed.readToEnd(), "");
  await server.logged("{id} connected");
  assertEquals([server.app.chat.size, peer.wasReset], [1, false]);
});

Deno.test("a PROXY header must be whole within --handshake-timeout", async () => {
  await using server = await startTestApp({ ...TRUSTED, handshakeTimeoutMs: 30 });
  using peer = await RawPeer.connect(server.port);
  await peer.send("PROXY TCP4 ");
  assertEquals(await peer.readToEnd(), "");
});

Deno.test("the server closes a connection that ends within its PROXY header", async () => {
  await using server = await startTestApp(TRUSTED);
  using peer = await RawPeer.connect(server.port);
  await peer.send("PROXY TCP4 ");
  await peer.closeWrite();
  assertEquals(await peer.readToEnd(), "");
});

/** A proxy that passes bytes on after a header: in one piece with the first ones, or before. */
async function startProxy(port: number, isOnePiece: boolean) {
  const proxy = createServer((client) => {
    const server = connect({ port, host: "127.0.0.1", noDelay: true });
    if (!isOnePiece) server.write(V1);
    client.once("data", (first) => {
      server.write(isOnePiece ? Buffer.concat([Buffer.from(V1), first as Uint8Array]) : first);
      client.pipe(server);
    });
    server.pipe(client);
    for (const [one, other] of [[client, server], [server, client]] as const) {
      one.on("error", () => {}).on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  return {
    port: (proxy.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => {
      proxy.close(() => resolve());
      return closed;
    },
  };
}

for (const isOnePiece of [true, false]) {
  const how = isOnePiece ? "in one piece with" : "before";
  Deno.test(`a PROXY header is read ${how} the ClientHello of TLS`, async () => {
    await using server = await startTestApp(TRUSTED, { tls: FILES });
    await using proxy = await startProxy(server.port, isOnePiece);
    for (let count = 0; count < 3; count++) {
      const caCerts = [FILES!.cert];
      const conn = await Deno.connectTls({ hostname: "127.0.0.1", port: proxy.port, caCerts });
      using peer = RawPeer.over(conn);
      await shakeHands(conn, `wss://127.0.0.1:${proxy.port}/ws`);
      assertEquals(await connectedFrom(server), "192.0.2.1:4660");
      assertEquals(peer.wasReset, false);
    }
  });
}

Deno.test("a trusted proxy may begin with TLS, without a PROXY header", async () => {
  await using server = await startTestApp(TRUSTED, { tls: FILES });
  const caCerts = [FILES!.cert];
  const conn = await Deno.connectTls({ hostname: "127.0.0.1", port: server.port, caCerts });
  using peer = RawPeer.over(conn);
  await shakeHands(conn, `wss://127.0.0.1:${server.port}/ws`);
  assertEquals(await connectedFrom(server), peer.address);
});
