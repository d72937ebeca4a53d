import { assertEquals, assertRejects } from "@std/assert";
import { ChorusError, connect } from "../../../lib/server/page/chorus.js";
import { ChorusPeer } from "../../socket/chorus_peer.ts";
import { ENGINES, startTestApp } from "../../socket/test_app.ts";
import { Observer } from "./observer.ts";
import { ScriptedServer } from "./scripted_server.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: history() pages back from the first message of the client`, async () => {
    await using server = await startTestApp({ engine });
    await using bob = await ChorusPeer.open(`${server.url}?room=tea/2&name=Bob`);
    const texts = Array.from({ length: 25 }, (_, index) => `${index}`);
    for (const text of texts) {
      bob.say(text, text);
      await bob.next("ack");
    }
    using ann = new Observer(connect(server.app.url, { room: "tea/2", last: 5 }));
    // Calls wait for the connection, and for each other.
    const pages = await Promise.all([ann.chat.history({ limit: 10 }), ann.chat.history()]);
    assertEquals(pages.map(({ messages }) => messages.map(({ text }) => text)), [
      texts.slice(10, 20),
      texts.slice(0, 10),
    ]);
    assertEquals(pages.map(({ hasMore }) => hasMore), [true, false]);
    const [first] = pages[0]!.messages;
    assertEquals([
      first!.from,
      first!.name,
      first!.isOwn,
      first!.isReplay,
      first!.at instanceof Date,
    ], [
      ...[bob.welcome.you, "Bob", false, true, true],
    ]);
    const again = await ann.chat.history({ before: pages[0]!.before, limit: 3 });
    assertEquals(again.messages.map(({ text }) => text), texts.slice(7, 10));
    await ann.until(() => ann.messages.length === 5);
    await ann.chat.send("live");
    assertEquals(ann.texts, [...texts.slice(20), "live"]);
    assertEquals(ann.messages.map(({ isReplay }) => isReplay), [...Array(5).fill(true), false]);
  });
}

Deno.test("history() has no messages before a position that the server does not know", async () => {
  await using server = await startTestApp({ engine: ENGINES[0]! });
  using ann = new Observer(connect(server.app.url));
  await ann.chat.send("delivered");
  const before = "0123456789abcdef-7";
  const page = await ann.chat.history({ before });
  assertEquals(page, { messages: [], before, hasMore: false });
});

Deno.test("history() rejects if the server refuses, each time", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  (await server.connections.take()).welcome();
  server.answer = () => ({ status: 403, detail: "Not you" });
  const refused = await assertRejects(() => ann.chat.history(), ChorusError, "Not you");
  assertEquals([refused.code, refused.status], ["refused", 403]);
  const again = await assertRejects(() => ann.chat.history({ limit: 1 }), ChorusError, "Not you");
  assertEquals(again.code, "refused");
  ann.chat.close();
});
