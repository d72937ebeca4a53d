import { assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: a client that cannot join gets 1013, and what it has sent already is ignored`, async () => {
    const folder = await Deno.makeTempDir();
    {
      const data = `${folder}/chat.db`;
      await using server = await startTestApp({ engine, data });
      const database = new DatabaseSync(data);
      database.exec("ALTER TABLE rooms RENAME TO moved");
      for (const protocol of ["", "Sec-WebSocket-Protocol: chorus.v1\r\n"]) {
        using peer = await RawPeer.connect(server.port);
        const head = `GET /ws HTTP/1.1\r\n${protocol}${HANDSHAKE_HEADERS.join("\r\n")}\r\n\r\n`;
        const hi = [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69];
        // In one packet, unless Deno frames WebSockets: then it would send no close frame.
        const isOnePacket = engine === "direct";
        await peer.send(
          Uint8Array.from([...new TextEncoder().encode(head), ...isOnePacket ? hi : []]),
        );
        assertStringIncludes(await peer.readHead(), "101 Switching Protocols");
        if (!isOnePacket) await peer.send(hi);
        const [first, , high, low] = await peer.read(4);
        assertEquals([first, high! << 8 | low!], [0x88, 1013]);
      }
      database.exec("ALTER TABLE moved RENAME TO rooms");
      database.close();
      using peer = await RawPeer.upgrade(server.port);
      await server.logged("{id} connected");
      assertEquals([server.app.chat.size, server.app.chat.rooms.size], [1, 1]);
      await peer.send(Uint8Array.of(0x88, 0x80, 0, 0, 0, 0));
    }
    await Deno.remove(folder, { recursive: true });
  });
}
