import { assert, assertEquals } from "@std/assert";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp, type TestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

/** Publishes `message 1` to `message COUNT`. */
async function fill(server: TestApp, count: number): Promise<ChorusPeer> {
  const bob = await ChorusPeer.open(`${server.url}?name=Bob`);
  for (let number = 1; number <= count; number++) bob.say(`message ${number}`, `${number}`);
  for (let number = 1; number <= count; number++) await bob.next("ack");
  return bob;
}

/** Checks that the texts are `message FIRST` and so on, without a gap. Returns the first number. */
function checkRow(texts: readonly string[]): number {
  const first = Number(texts[0]!.split(" ")[1]);
  assertEquals(texts, texts.map((_, at) => `message ${first + at}`));
  return first;
}

/** Where the topmost visible message stands, in pixels. */
const ANCHOR = `(() => {
  const top = document.querySelector("#log").getBoundingClientRect().top;
  const row = [...document.querySelectorAll("#rows .text")]
    .find((each) => each.getBoundingClientRect().top >= top);
  return { text: row.textContent, top: row.getBoundingClientRect().top };
})()`;

/**
 * Scrolls up a step, and lets the page answer. Returns how far the topmost message has moved apart
 * from that, in pixels.
 */
const SCROLL_UP = `(async () => {
  const log = document.querySelector("#log");
  const anchor = ${ANCHOR};
  const before = log.scrollTop;
  log.scrollTop -= 400;
  const moved = before - log.scrollTop;
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
  const row = [...document.querySelectorAll("#rows .text")]
    .find((each) => each.textContent === anchor.text);
  return row && row.getBoundingClientRect().top - anchor.top - moved;
})()`;

Deno.test({
  name: "scrolling up loads older messages until the first, and what is read stays in its place",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using _bob = await fill(server, 1_000);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.shows("message 1000");
    const begin = chat.log.getByText("This is where lobby begins.");
    while (await begin.count() === 0) {
      const shift = await chat.page.evaluate<number | undefined>(SCROLL_UP);
      assert(shift !== undefined && Math.abs(shift) <= 1, `The text has moved by ${shift}`);
      const texts = await chat.texts();
      checkRow(texts);
      assert(texts.length <= 400);
    }
    assertEquals(checkRow(await chat.texts()), 1);
    // And back.
    await chat.page.getByRole("button", { name: "Newest messages" }).click();
    await chat.shows("message 1000");
    checkRow(await chat.texts());
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "a reader of older messages stays where they are, and goes to the new ones with a button",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await fill(server, 100);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.shows("message 100");
    assertEquals(await chat.log.getAttribute("aria-live"), "polite");
    await chat.page.evaluate(`document.querySelector("#log").scrollTop -= 600`);
    await chat.page.getByRole("button", { name: "Newest messages" }).waitFor();
    const before = await chat.page.evaluate(ANCHOR);
    for (let number = 101; number <= 103; number++) bob.say(`message ${number}`);
    const button = chat.page.getByRole("button", { name: "3 new" });
    await button.waitFor();
    assertEquals(await chat.page.evaluate(ANCHOR), before);
    assertEquals(await chat.log.getAttribute("aria-live"), "off");
    await button.click();
    await chat.shows("message 103");
    await button.waitFor({ state: "hidden" });
    const { bottom } = await chat.page.evaluate<{ bottom: number }>(
      `[...document.querySelectorAll("#rows .text")].at(-1).getBoundingClientRect().toJSON()`,
    );
    const box = await chat.log.boundingBox();
    assert(bottom <= box!.y + box!.height);
    bob.say("message 104");
    await chat.shows("message 104");
    await chat.titled("lobby · Chorus");
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "a reader who scrolls up by a few pixels is not taken back, and follows again near the end",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await fill(server, 100);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.shows("message 100");
    await chat.page.evaluate(`document.querySelector("#log").scrollTop -= 10`);
    await chat.page.getByRole("button", { name: "Newest messages" }).waitFor();
    const before = await chat.page.evaluate(ANCHOR);
    bob.say("message 101");
    await chat.page.getByRole("button", { name: "1 new" }).waitFor();
    assertEquals(await chat.page.evaluate(ANCHOR), before);
    await chat.page.evaluate(`(() => {
      const log = document.querySelector("#log");
      log.scrollTop = log.scrollHeight - log.clientHeight - 20;
    })()`);
    await chat.page.locator("#jump").waitFor({ state: "hidden" });
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "a key that scrolls has its effect while the page renders",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using _bob = await fill(server, 100);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.shows("message 100");
    await chat.page.evaluate(`{
      const render = () => {
        dispatchEvent(new Event("online"));
        requestAnimationFrame(render);
      };
      addEventListener("keydown", render, { once: true });
    }`);
    await chat.log.focus();
    await chat.page.keyboard.press("Home");
    await chat.shows("message 1");
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "when older messages cannot be loaded, the page says so, and tries again when asked to",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using _bob = await fill(server, 100);
    await using browser = await launchBrowser();
    const context = await browser.newContext();
    const historyUrl = /\/rooms\/lobby\/messages/;
    await context.route(historyUrl, (route) => route.abort());
    const chat = await ChatPage.open(context, server.app.url);
    await chat.shows("message 100");
    await chat.log.focus();
    await chat.page.keyboard.press("Home");
    await chat.log.getByText("Older messages cannot be loaded: ").waitFor();
    await context.unroute(historyUrl);
    await chat.page.keyboard.press("Tab");
    await chat.log.getByRole("button", { name: "Retry" }).and(chat.page.locator(":focus"))
      .waitFor();
    await chat.page.keyboard.press("Enter");
    await chat.shows("message 1");
    assertEquals(checkRow(await chat.texts()), 1);
    await chat.log.getByText("This is where lobby begins.").waitFor();
    assertEquals(await chat.log.getByRole("button").count(), 0);
    assertEquals(await chat.page.evaluate("document.activeElement.id"), "log");
    assertEquals(chat.unexpectedProblems, []);
  },
});

/** Lets the tab of a page be in the background, or in the foreground again. */
async function setVisibility(chat: ChatPage, state: "hidden" | "visible"): Promise<void> {
  await chat.page.evaluate(`
    Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}

Deno.test({
  name: "a user who leaves twice finds one marker, where they left off last",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(`${server.url}?name=Bob`);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    bob.say("seen");
    await chat.shows("seen");
    await chat.titled("lobby · Chorus");
    const marked = chat.log.locator(".row").filter({ has: chat.page.locator(".marker") });
    for (const text of ["missed", "missed again"]) {
      await setVisibility(chat, "hidden");
      bob.say(text);
      await chat.titled("(1) lobby · Chorus");
      await setVisibility(chat, "visible");
      await chat.shows(text);
      await chat.titled("lobby · Chorus");
      assertEquals(await marked.locator(".text").allTextContents(), [text]);
    }
    // The row of the old marker is like any other now.
    assertEquals(await chat.log.locator(".author").count(), 2);
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "the first message after a flood is announced",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(`${server.url}?name=Bob`);
    await using browser = await launchBrowser();
    const context = await browser.newContext();
    await context.clock.install();
    const chat = await ChatPage.open(context, server.app.url);
    await chat.status("Connected");
    bob.say("before");
    await chat.shows("before");
    // No frame is rendered until all of the flood is there.
    await chat.page.clock.pauseAt(await chat.page.evaluate<number>("Date.now()") + 1_000);
    const flood = chat.received('"message 60"');
    for (let number = 1; number <= 60; number++) bob.say(`message ${number}`);
    await flood;
    await chat.page.clock.runFor(100);
    await chat.shows("message 60");
    await chat.page.clock.runFor(2_000);
    await chat.page.evaluate(`new MutationObserver(() => {
      globalThis.announced ??= document.querySelector("#log").ariaLive;
    }).observe(document.querySelector("#rows"), { childList: true })`);
    const after = chat.received('"after"');
    bob.say("after");
    await after;
    await chat.page.clock.runFor(200);
    await chat.shows("after");
    assertEquals(await chat.page.evaluate("announced"), "polite");
    assertEquals(chat.problems, []);
  },
});

/** A time zone where it is about noon, so that the day stays the same during a test. */
function timeZoneAtNoon(): string {
  const offset = 12 - new Date().getUTCHours();
  // The signs of these zones are inverted.
  return `Etc/GMT${offset > 0 ? "-" : "+"}${Math.abs(offset)}`;
}

Deno.test({
  name: "days are separated, and the messages of one author stand together",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(`${server.url}?name=Bob`);
    await using ann = await ChorusPeer.open(`${server.url}?name=Ann`);
    await using browser = await launchBrowser();
    const timezoneId = timeZoneAtNoon();
    const context = await browser.newContext({ timezoneId, locale: "en" });
    await context.clock.install({ time: Date.now() + 24 * 3600_000 });
    const chat = await ChatPage.open(context, server.app.url);
    await chat.status("Connected");
    const startedAt = new Date();
    for (const text of ["one", "two"]) bob.say(text, text);
    await bob.next("ack");
    await bob.next("ack");
    ann.say("three");
    await chat.shows("three");
    assertEquals(await chat.log.locator(".separator").allTextContents(), ["Yesterday"]);
    assertEquals(await chat.log.locator(".author").allTextContents(), ["Bob", "Ann"]);
    const times = await chat.log.locator("time").evaluateAll((all) =>
      all.map((each) => [each.getAttribute("datetime"), each.getAttribute("title")])
    );
    assertEquals(times.length, 3);
    const format = new Intl.DateTimeFormat("en", {
      dateStyle: "full",
      timeStyle: "medium",
      timeZone: timezoneId,
    });
    for (const [time, title] of times) {
      const at = new Date(time!);
      assert(at >= startedAt && at <= new Date());
      assertEquals(title, format.format(at));
    }
    assertEquals(chat.problems, []);
  },
});
