import { assertEquals } from "@std/assert";
import { Peer } from "./peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

async function until(server: TestApp, ended: number): Promise<void> {
  for (let count = 0; count < ended; count++) await server.logged("{id} disconnected");
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: who is in a room hears what is said there, and nothing else`, async () => {
    await using server = await startTestApp({ engine });
    const tea = `${server.url}?room=tea`;
    await using lobby = await Peer.open(server.url);
    await using named = await Peer.open(`${server.url}?room=lobby`);
    await using one = await Peer.open(tea);
    await using other = await Peer.open(tea);
    assertEquals([server.app.connectionCount, server.app.roomCount], [4, 2]);
    lobby.send("to the lobby");
    one.send("to the tea room");
    assertEquals(await named.next(), "to the lobby");
    assertEquals(await other.next(), "to the tea room");
    // What had gone astray would come before this.
    named.send("again to the lobby");
    other.send("again to the tea room");
    assertEquals(await lobby.next(), "again to the lobby");
    assertEquals(await one.next(), "again to the tea room");
  });

  Deno.test(`${engine}: a room is forgotten with its last member, and made anew for the next`, async () => {
    await using server = await startTestApp({ engine });
    for (let round = 0; round < 2; round++) {
      const peers = await Peer.openMany(`${server.url}?room=tea`, 2);
      assertEquals(server.app.roomCount, 1);
      peers[0]!.send(`round ${round}`);
      assertEquals(await peers[1]!.next(), `round ${round}`);
      await peers[0]![Symbol.asyncDispose]();
      await until(server, 1);
      assertEquals(server.app.roomCount, 1);
      await peers[1]![Symbol.asyncDispose]();
      await until(server, 1);
      assertEquals([server.app.roomCount, server.app.connectionCount], [0, 0]);
    }
  });

  Deno.test(`${engine}: two spellings of a name that look alike are one room`, async () => {
    await using server = await startTestApp({ engine });
    await using one = await Peer.open(`${server.url}?room=K%C3%BCche`);
    await using other = await Peer.open(`${server.url}?room=Ku%CC%88che`);
    one.send("hello");
    assertEquals(await other.next(), "hello");
  });

  Deno.test(`${engine}: a drain delivers what has been said in every room`, async () => {
    const server = await startTestApp({ engine });
    const rooms = await Promise.all(["tea", "coffee"].map(async (room) => {
      const [speaker, listener] = await Peer.openMany(`${server.url}?room=${room}`, 2);
      return { room, speaker: speaker!, listener: listener! };
    }));
    for (const { room, speaker, listener } of rooms) {
      speaker.send(`first in ${room}`);
      assertEquals(await listener.next(), `first in ${room}`);
    }
    await server[Symbol.asyncDispose]();
    for (const { speaker, listener } of rooms) {
      assertEquals((await listener.closed).code, 1001);
      assertEquals((await speaker.closed).code, 1001);
    }
  });
}
