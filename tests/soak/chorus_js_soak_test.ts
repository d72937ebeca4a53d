import { assert, assertEquals } from "@std/assert";
import { type ChatStatus, connect } from "../../lib/server/page/chorus.js";
import { isBrowserMissing, launchBrowser } from "../browser/browser.ts";
import { BreakingProxy } from "../page/chorus_js/breaking_proxy.ts";
import { sendAcrossBreaks } from "../page/chorus_js/breaks.ts";
import { Observer } from "../page/chorus_js/observer.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { ENGINES, startTestApp } from "../socket/test_app.ts";

const ROUND_COUNT = 5;

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

Deno.test({
  name: "chorus.js survives 60 seconds in which nothing passes, in Deno and in Chromium",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp({ allowOrigin: ["*"] });
    await using bob = await ChorusPeer.open(server.url);
    await using proxy = new BreakingProxy(server.port);
    using ann = new Observer(connect(proxy.url, { name: "Ann" }));
    await ann.chat.send("before");
    assertEquals(await bob.texts(1), ["before"]);
    await using browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(new URL("healthz", server.app.url).href);
    await page.evaluate(joinAsCleo, proxy.url);

    proxy.freeze();
    const sent = ["one", "two"].map((text) => ann.chat.send(text));
    await page.evaluate("sent = [chat.send('three'), chat.send('four')], undefined");
    bob.say("bob", "1");
    await bob.next("ack");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    const isSilent = ({ state, reason }: ChatStatus) =>
      state === "waiting" && reason === "the server does not answer";
    assert(ann.statuses.some(isSilent));
    assert((await page.evaluate<ChatStatus[]>("statuses")).some(isSilent));
    proxy.thaw();
    await Promise.all(sent);
    await page.evaluate("Promise.all(sent)");

    const all = ["four", "one", "three", "two"];
    assertEquals((await bob.texts(4)).toSorted(), all);
    await ann.until(() => ann.messages.length === 6);
    assertEquals(ann.texts.toSorted(), ["before", "bob", ...all].toSorted());
    assertEquals([ann.gaps, ann.errors], [[], []]);
    await page.waitForFunction("texts.length === 5");
    assertEquals(
      (await page.evaluate<string[]>("texts")).toSorted(),
      ["bob", ...all].toSorted(),
    );
  },
});

/** Joins the room from a page. Resolves when it is in the room. */
async function joinAsCleo(url: string): Promise<void> {
  const { connect } = await import(`${location.origin}/chorus.js`);
  const chat = connect(url, { name: "Cleo" });
  const statuses: ChatStatus[] = [];
  const texts: string[] = [];
  Object.assign(globalThis, { chat, statuses, texts });
  chat.addEventListener("message", ({ detail }: CustomEvent) => texts.push(detail.text));
  await new Promise<void>((resolve) =>
    chat.addEventListener("status", ({ detail }: CustomEvent) => {
      statuses.push(detail);
      if (detail.state === "open") resolve();
    })
  );
}
