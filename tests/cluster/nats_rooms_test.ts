import { assertEquals, assertRejects } from "@std/assert";
import { HistoryUnavailableError } from "../../lib/chat/history/history.ts";
import { SECRET, signWithSecret } from "../server/security/tokens/issuer.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp, type TestApp } from "../socket/test_app.ts";
import { isNatsMissing, NatsServer } from "./nats_server.ts";
import { TestBackplane } from "./test_room.ts";

/** A room of a list, without its position. */
type Counted = readonly [name: string, memberCount: number];

/** Lists all rooms that a token may read, in pages. */
async function listRooms({ app }: TestApp, token: string, limit: number): Promise<Counted[]> {
  const rooms: Counted[] = [];
  const headers = { authorization: `Bearer ${token}` };
  for (let path: string | undefined = `/rooms?limit=${limit}`; path !== undefined;) {
    const response: Response = await fetch(new URL(path, app.url), { headers });
    const page = await response.json();
    assertEquals(response.status, 200, page.detail);
    for (const { name, memberCount } of page.rooms) rooms.push([name, memberCount]);
    path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
    if (path !== undefined) assertEquals(page.rooms.length, limit);
  }
  return rooms;
}

Deno.test({
  name: "GET /rooms lists each room of all nodes once that is there and that a token may read",
  ignore: isNatsMissing,
  async fn() {
    await using nats = await NatsServer.start();
    const tokenSecretFile = await Deno.makeTempFile();
    await Deno.writeTextFile(tokenSecretFile, SECRET);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(tokenSecretFile));
    const nodes: TestApp[] = [];
    for (let count = 0; count < 3; count++) {
      nodes.push(stack.use(await startTestApp({ nats: [nats.url], tokenSecretFile })));
    }
    const exp = Math.floor(Date.now() / 1000) + 600;
    const admin = await signWithSecret({ sub: "root", exp });
    const reader = await signWithSecret({ sub: "ann", exp, rooms: { read: ["team-*"] } });
    const expected: Counted[] = [];
    for (let index = 0; index < 30; index++) {
      const name = `${index % 3 === 0 ? "secret" : "team"}-${index}`;
      if (index % 7 === 2) {
        await nodes[0]!.app.chat.publish(name, { text: "hi", name });
        await nodes[0]!.app.chat.rooms.delete(name);
        continue;
      }
      // Some rooms have messages, some have members, and some have both.
      if (index % 2 === 0) await nodes[index % 3]!.app.chat.publish(name, { text: "hi", name });
      const joined = nodes.filter((_, node) => index % 5 === 0 && node <= index / 10);
      for (const { url } of joined) stack.use(await ChorusPeer.open(`${url}?room=${name}`, admin));
      if (index % 2 === 0 || joined.length > 0) expected.push([name, joined.length]);
    }
    expected.sort(([one], [other]) => one < other ? -1 : 1);
    const readable = expected.filter(([name]) => name.startsWith("team"));
    for (const node of nodes) {
      // Nodes exchange their members after a while, and cache the names of the rooms in the stream.
      while (`${await listRooms(node, admin, 1000)}` !== `${expected}`);
      for (const limit of [1, 2, 7]) {
        assertEquals(await listRooms(node, admin, limit), expected);
        assertEquals(await listRooms(node, reader, limit), readable);
      }
    }
  },
});

Deno.test({
  name: "NatsBackplane.heads() reads many rooms, and fails while NATS is away",
  ignore: isNatsMissing,
  async fn() {
    await using server = await NatsServer.start();
    await using one = await TestBackplane.open(server.url);
    await using other = await TestBackplane.open(server.url);
    const names = Array.from({ length: 100 }, (_, index) => `room-${index}`);
    const rooms = await Promise.all(names.map((name) => one.room(name)));
    for (const room of rooms) room.publish("1", "2");
    await Promise.all(rooms.map((room) => room.received(2)));
    assertEquals(
      await other.backplane.heads(names),
      rooms.map(({ messages }) => ({ seq: messages.at(-1)!.seq, hasMessages: true })),
    );
    await server.kill();
    await other.changed.until(() => other.backplane.outage !== undefined);
    await assertRejects(() => other.backplane.rooms("", 9), HistoryUnavailableError);
    await assertRejects(() => other.backplane.heads(names), HistoryUnavailableError);
  },
});
