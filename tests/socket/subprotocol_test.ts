import { assertEquals, assertStringIncludes } from "@std/assert";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

const TOKEN = "chorus.token.aaaa.bbbb.cccc";

const CASES: readonly [offered: string[], selected: string][] = [
  [[], ""],
  [["chorus.v1"], "chorus.v1"],
  [["chorus.plain"], "chorus.plain"],
  [["chorus.plain", "chorus.v1"], "chorus.v1"],
  [[TOKEN, "chorus.v1"], "chorus.v1"],
  [["chorus.plain", TOKEN], "chorus.plain"],
];

for (const engine of ENGINES) {
  Deno.test(`${engine}: the server selects chorus.v1 before chorus.plain, and never a token`, async () => {
    await using server = await startTestApp({ engine });
    for (const [offered, selected] of CASES) {
      const socket = new WebSocket(server.url, offered);
      const isChorus = selected === "chorus.v1";
      await new Promise((resolve) => socket[isChorus ? "onmessage" : "onopen"] = resolve);
      assertEquals(socket.protocol, selected, `${offered}`);
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close();
      await closed;
    }
  });

  Deno.test(`${engine}: a client that offers only the subprotocol of a token is told what is missing`, async () => {
    await using server = await startTestApp({ engine });
    using peer = await RawPeer.connect(server.port);
    const offer = `Sec-WebSocket-Protocol: foo,${TOKEN}`;
    await peer.send(["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, offer, "", ""].join("\r\n"));
    const head = await peer.readHead();
    assertStringIncludes(head, "HTTP/1.1 400 ");
    const length = Number(head.match(/content-length: (\d+)/i)![1]);
    assertEquals(
      new TextDecoder().decode(await peer.read(length)),
      "Offer chorus.v1 or chorus.plain together with the subprotocol of a token\n",
    );
  });

  Deno.test(`${engine}: a server without tokens ignores the token of a client`, async () => {
    await using server = await startTestApp({ engine });
    const response = await fetch(new URL("/rooms", server.app.url), {
      headers: { authorization: "Bearer nonsense" },
    });
    assertEquals([response.status, await response.json()], [200, { rooms: [] }]);
  });
}
