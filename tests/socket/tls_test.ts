import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { assertEquals } from "@std/assert";
import { readTlsFiles } from "../../lib/server/security/tls_files.ts";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { delayWriteCallbacks } from "../websocket/transport/late_writes.ts";
import { shakeHands } from "./handshake.ts";
import { RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

// A certificate for localhost that is valid for a hundred years.
const FILES = await readTlsFiles({
  tlsCert: new URL("tls_cert.pem", import.meta.url).pathname,
  tlsKey: new URL("tls_key.pem", import.meta.url).pathname,
});

const VARIANTS = [
  ...ENGINES.map((engine) => ({ engine, isLate: false })),
  { engine: "direct", isLate: true } as const,
];

for (const { engine, isLate } of VARIANTS) {
  const way = isLate ? " without Socket._write()" : "";
  Deno.test(`${engine}: a server with a certificate speaks https and wss${way}`, async () => {
    using _late = isLate ? delayWriteCallbacks() : undefined;
    await using server = await startTestApp({ engine }, { tls: FILES });
    assertEquals(server.app.url.protocol, "https:");
    using client = Deno.createHttpClient({ caCerts: [FILES!.cert] });
    const response = await fetch(new URL("/healthz", server.app.url), { client });
    assertEquals([response.status, await response.text()], [200, "ok\n"]);

    using one = await connect(server.port);
    using other = await connect(server.port);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    await one.send(encodeWireFrame(frame(1, "hello"), "client"));
    for await (const { payload } of other.frames()) {
      assertEquals(new TextDecoder().decode(payload), "hello");
      break;
    }
  });
}

async function connect(port: number): Promise<RawPeer> {
  const conn = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [FILES!.cert] });
  await shakeHands(conn, `wss://127.0.0.1:${port}/ws`);
  return RawPeer.over(conn);
}

Deno.test("the server drops a TLS client that does not finish its handshake in time", async () => {
  await using server = await startTestApp({ handshakeTimeoutMs: 30 }, { tls: FILES });
  using mute = await RawPeer.connect(server.port);
  assertEquals((await mute.readBytesToEnd()).length, 0);
});

Deno.test("the server resets the TCP connection of a TLS client that stops reading", async () => {
  await using server = await startTestApp({ stallTimeoutMs: 100 }, { tls: FILES });
  using stalled = await connect(server.port);
  using sender = await connect(server.port);
  using healthy = await connect(server.port);
  for (let count = 0; count < 3; count++) await server.logged("{id} connected");
  const large = encodeWireFrame(frame(1, "x".repeat(60_000)), "client");
  const frames = healthy.frames();
  const ended = server.logged("{id} disconnected");
  let hasEnded = false;
  ended.then(() => hasEnded = true);
  while (!hasEnded) {
    await sender.send(large);
    // The server also sends pings.
    while ((await frames.next()).value?.opcode === 9);
  }
  const { properties } = await ended;
  assertEquals([properties.code, properties.reason], [1006, "stalled reader"]);
  await stalled.readBytesToEnd();
  assertEquals(stalled.wasReset, true);
});

Deno.test("the server drops a TLS client that breaks TLS", async () => {
  // The TLSSocket of Deno 2.9 sends an alert, but may report no error. Then the timeout applies.
  await using server = await startTestApp({ handshakeTimeoutMs: 1000 }, { tls: FILES });
  const tcp = connectTcp(server.port, "127.0.0.1");
  const socket = connectTls({ socket: tcp, ca: FILES!.cert, servername: "localhost" });
  const gone = Promise.withResolvers<void>();
  tcp.on("close", () => gone.resolve());
  tcp.on("error", () => {});
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  // The server cannot decrypt this.
  tcp.write(new Uint8Array(64).fill(0x17));
  await gone.promise;
});
