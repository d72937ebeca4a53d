import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../lib/load/seeded_random.ts";
import { BreakingProxy } from "../page/chorus_js/breaking_proxy.ts";
import { ChorusPeer, textOf } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";

const SEND_COUNT = 1000;
const BREAK_COUNT = 20;

interface Published {
  readonly text: string;
  readonly position: string;
}

/** Sends texts from a page, most of them while others are in flight. Returns all it got. */
async function sendAll([url, texts]: readonly [string, readonly string[]]) {
  const { connect } = await import(`${location.origin}/chorus.js`);
  const chat = connect(url, { name: "Ann" });
  const heard: Published[] = [];
  const ended = Promise.withResolvers<void>();
  chat.addEventListener("status", ({ detail }: CustomEvent) => {
    if (detail.state === "waiting") setTimeout(() => chat.retryNow(), 5);
  });
  chat.addEventListener("message", ({ detail: { text, position } }: CustomEvent) => {
    heard.push({ text, position });
    if (text === "end") ended.resolve();
  });
  const sent: Promise<string>[] = [];
  for (const text of texts) {
    await sent.at(-100);
    sent.push(chat.send(text));
  }
  const positions = await Promise.all(sent);
  await ended.promise;
  return { positions, heard, unsent: chat.outbox };
}

Deno.test({
  name: `a page sends ${SEND_COUNT} messages across ${BREAK_COUNT} breaks, each exactly once`,
  ignore: isBrowserMissing,
  async fn() {
    const seed = Math.floor(2 ** 32 * Math.random());
    const random = seededRandom(seed);
    await using server = await startTestApp({ allowOrigin: ["*"] });
    await using witness = await ChorusPeer.open(server.url);
    await using proxy = new BreakingProxy(server.port);
    proxy.nextBreak = () =>
      proxy.breakCount < BREAK_COUNT ? Math.ceil(12_000 * random()) : Infinity;
    await using browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(new URL("healthz", server.app.url).href);

    const texts = Array.from({ length: SEND_COUNT }, (_, index) => `ann ${index}`);
    const { positions, heard, unsent } = await page.evaluate(
      sendAll,
      [proxy.url, [...texts, "end"]] as const,
    );
    const published: Published[] = [];
    while (published.at(-1)?.text !== "end") {
      const said = await witness.next("said");
      published.push({ text: textOf(said), position: said.position });
    }
    const about = `With the seed ${seed}`;
    assertEquals(published.map(({ text }) => text), [...texts, "end"], about);
    assertEquals(published.map(({ position }) => position), positions, about);
    assertEquals(heard, published, about);
    assertEquals(unsent, [], about);
    assert(proxy.breakCount >= BREAK_COUNT, about);
  },
});
