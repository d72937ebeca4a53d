import { assertEquals } from "@std/assert";
import { connect } from "../../lib/server/page/chorus.js";
import { BreakingProxy } from "../page/chorus_js/breaking_proxy.ts";
import { sendAcrossBreaks } from "../page/chorus_js/breaks.ts";
import { Observer } from "../page/chorus_js/observer.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { ENGINES, startTestApp } from "../socket/test_app.ts";

const ROUND_COUNT = 50;

for (const engine of ENGINES) {
  Deno.test(`${engine}: chorus.js sends across breaks with ${ROUND_COUNT} seeds`, async () => {
    for (let round = 0; round < ROUND_COUNT; round++) {
      const folder = await Deno.makeTempDir();
      const seed = Math.floor(2 ** 32 * Math.random());
      const config = { engine, ...round % 2 === 0 ? {} : { data: `${folder}/chat.db` } };
      await sendAcrossBreaks({ config, sendCount: 1000, breakCount: 20 + round, seed });
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("chorus.js survives 60 seconds in which nothing passes", async () => {
  await using server = await startTestApp();
  await using bob = await ChorusPeer.open(server.url);
  await using proxy = new BreakingProxy(server.port);
  using ann = new Observer(connect(proxy.url, { name: "Ann" }));
  await ann.chat.send("before");
  assertEquals(await bob.texts(1), ["before"]);
  proxy.freeze();
  const sent = ["one", "two"].map((text) => ann.chat.send(text));
  bob.say("bob", "1");
  await bob.next("ack");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
  assertEquals(
    ann.statuses.find(({ state }) => state === "waiting")?.reason,
    "the server does not answer",
  );
  proxy.thaw();
  await Promise.all(sent);
  assertEquals(await bob.texts(2), ["one", "two"]);
  await ann.until(() => ann.messages.length === 4);
  assertEquals(ann.texts.toSorted(), ["before", "bob", "one", "two"]);
  assertEquals([ann.gaps, ann.errors], [[], []]);
});
