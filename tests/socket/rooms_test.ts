import { assertEquals, assertStringIncludes } from "@std/assert";
import { closeAll, Peer } from "./peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** Opens one connection for each query, and waits until all have joined. */
async function enter(server: TestApp, ...queries: string[]): Promise<Peer[]> {
  const peers = await Promise.all(queries.map((query) => Peer.open(`${server.url}${query}`)));
  for (const _ of peers) await server.logged("{id} connected");
  return peers;
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a message reaches only the members of its room`, async () => {
    await using server = await startTestApp({ engine });
    const peers = await enter(server, "", "?room=lobby", "?room=tea", "?room=tea");
    const [lobby, named, one, other] = peers as [Peer, Peer, Peer, Peer];
    assertEquals([server.app.chat.size, server.app.chat.rooms.size], [4, 2]);
    lobby.send("to the lobby");
    one.send("to the tea room");
    assertEquals(await named.next(), "to the lobby");
    assertEquals(await other.next(), "to the tea room");
    // A message to the wrong room would arrive before these.
    named.send("again to the lobby");
    other.send("again to the tea room");
    assertEquals(await lobby.next(), "again to the lobby");
    assertEquals(await one.next(), "again to the tea room");
    await closeAll(peers);
  });

  Deno.test(`${engine}: a room without messages is removed with its last member`, async () => {
    await using server = await startTestApp({ engine });
    const [one, other] = await enter(server, "?room=tea", "?room=tea") as [Peer, Peer];
    for (const [peer, roomCount] of [[one, 1], [other, 0]] as const) {
      assertEquals(server.app.chat.rooms.size, 1);
      await peer[Symbol.asyncDispose]();
      await server.logged("{id} disconnected");
      assertEquals(server.app.chat.rooms.size, roomCount);
    }
  });

  Deno.test(`${engine}: an empty room retains its messages and replays them`, async () => {
    await using server = await startTestApp({ engine, logMessages: true });
    const [sender] = await enter(server, "?room=tea") as [Peer];
    for (const text of ["one", "two", "three"]) sender.send(text);
    for (let count = 0; count < 3; count++) await server.logged("{id} sent");
    await closeAll([sender]);
    await server.logged("{id} disconnected");
    assertEquals(server.app.chat.rooms.size, 1);
    const [late, later] = await enter(server, "?room=tea&last=2", "?room=tea") as [Peer, Peer];
    assertEquals(await late.take(2), ["two", "three"]);
    later.send("four");
    assertEquals(await late.next(), "four");
    late.send("five");
    assertEquals(await later.next(), "five", "without ?last= there is no replay");
    await closeAll([late, later]);
  });

  Deno.test(`${engine}: a new room replaces an empty room, but not one with members`, async () => {
    await using server = await startTestApp({ engine, maxRooms: 1, logMessages: true });
    const [tea] = await enter(server, "?room=tea") as [Peer];
    tea.send("hello");
    await server.logged("{id} sent");
    const refusal = await Peer.open(`${server.url}?room=coffee`).then(() => "accepted", String);
    assertStringIncludes(refusal, "503");
    await closeAll([tea]);
    await server.logged("{id} disconnected");
    const [coffee] = await enter(server, "?room=coffee") as [Peer];
    assertEquals(server.app.chat.rooms.size, 1);
    await closeAll([coffee]);
  });

  Deno.test(`${engine}: names with the same Unicode normal form are one room`, async () => {
    await using server = await startTestApp({ engine });
    const [one, other] = await enter(server, "?room=K%C3%BCche", "?room=Ku%CC%88che");
    one!.send("hello");
    assertEquals(await other!.next(), "hello");
    assertEquals(server.app.chat.rooms.size, 1);
    await closeAll([one!, other!]);
  });

  Deno.test(`${engine}: App.drain() delivers the published messages of every room`, async () => {
    await using server = await startTestApp({ engine, logMessages: true });
    const rooms = ["?room=tea", "?room=coffee"];
    const senders = await enter(server, ...rooms);
    const receivers = await enter(server, ...rooms);
    senders.forEach((sender) => sender.send("at last"));
    for (const _ of senders) await server.logged("{id} sent");
    const drained = server.app.drain();
    for (const receiver of receivers) {
      assertEquals(await receiver.next(), "at last");
      assertEquals((await receiver.closed).code, 1001);
    }
    await drained;
  });
}
