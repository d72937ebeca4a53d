import { assertEquals } from "@std/assert";
import { readTlsFiles } from "../../lib/server/tls_files.ts";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { shakeHands } from "./handshake.ts";
import { RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

// A certificate of localhost that is valid for a hundred years and of no use to anybody else.
const FILES = await readTlsFiles({
  tlsCert: new URL("tls_cert.pem", import.meta.url).pathname,
  tlsKey: new URL("tls_key.pem", import.meta.url).pathname,
});

for (const engine of ENGINES) {
  Deno.test(`${engine}: with a certificate the server speaks https and wss`, async () => {
    await using server = await startTestApp({ engine }, FILES);
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

Deno.test("a TLS client that never shakes hands, or stops reading, is gone with its TCP connection", async () => {
  await using server = await startTestApp({
    handshakeTimeoutMs: 300,
    pingIntervalMs: 30,
    pongTimeoutMs: 30,
  }, FILES);
  using mute = await RawPeer.connect(server.port);
  assertEquals((await mute.readBytesToEnd()).length, 0);
  using _deaf = await connect(server.port);
  const { properties } = await server.logged("{id} disconnected");
  assertEquals([properties.code, properties.reason], [1006, "unanswered ping"]);
  assertEquals(server.app.openCount, 0);
});
