import { assert, assertEquals } from "@std/assert";
import type { BrowserContext, Page } from "playwright-core";
import type { ChatMessage, ChatOptions, ChatStatus } from "../../lib/server/page/chorus.js";
import { BreakingProxy } from "../page/chorus_js/breaking_proxy.ts";
import { ScriptedServer } from "../page/chorus_js/scripted_server.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";

/** What a page of these tests knows. */
interface ChatWindow {
  connect(url: string, options: ChatOptions): void;
  chat: import("../../lib/server/page/chorus.js").Chorus;
  statuses: ChatStatus[];
  messages: Pick<ChatMessage, "text" | "id" | "isOwn">[];
}

/** Runs a test in a browser of its own. */
function browserTest(name: string, run: (context: BrowserContext) => Promise<void>): void {
  Deno.test({
    name,
    ignore: isBrowserMissing,
    async fn() {
      const browser = await launchBrowser();
      try {
        const context = await browser.newContext();
        context.setDefaultTimeout(20_000);
        await run(context);
      } finally {
        await browser.close();
      }
    },
  });
}

/** Opens a page of a server that has nothing of its own. */
async function openBlank(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(new URL("healthz", url).href);
  return page;
}

/** Connects a page with the library. */
async function connect(page: Page, url: string, options: ChatOptions = {}): Promise<void> {
  await page.evaluate(async ([url, options]) => {
    const { connect } = await import(`${location.origin}/chorus.js`);
    const chat = connect(url, options);
    const statuses: unknown[] = [];
    const messages: unknown[] = [];
    chat.addEventListener("status", ({ detail }: CustomEvent) => statuses.push(detail));
    chat.addEventListener(
      "message",
      ({ detail: { text, id, isOwn } }: CustomEvent) => messages.push({ text, id, isOwn }),
    );
    Object.assign(globalThis, { chat, statuses, messages });
  }, [url, options] as const);
}

/** Waits until the client of a page has a state. */
async function isIn(page: Page, state: ChatStatus["state"]): Promise<void> {
  await page.waitForFunction(
    (state) => (globalThis as unknown as ChatWindow).statuses.at(-1)?.state === state,
    state,
  );
}

/** Sends texts. Returns their ids. */
function send(page: Page, ...texts: string[]): Promise<string[]> {
  return page.evaluate(
    (texts) => texts.map((text) => (globalThis as unknown as ChatWindow).chat.send(text).id),
    texts,
  );
}

/** Reads a value of a page. */
function read<T>(page: Page, run: (window: ChatWindow) => T): Promise<T> {
  return page.evaluate(`(${run})(globalThis)`);
}

/** Dispatches an event as the browser would. The page of a transition is one that it keeps. */
async function fire(page: Page, type: string): Promise<void> {
  const target = type === "visibilitychange" || type === "resume" ? "document" : "window";
  const event = type.startsWith("page")
    ? `new PageTransitionEvent("${type}", { persisted: true })`
    : `new Event("${type}")`;
  await page.evaluate(`void ${target}.dispatchEvent(${event})`);
}

/** Takes away what pages of insecure origins do not have. */
async function makeInsecure(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    Object.defineProperty(navigator, "locks", { value: undefined });
    Object.defineProperty(crypto, "randomUUID", { value: undefined });
  });
}

for (const isSecure of [true, false]) {
  const where = isSecure ? "a secure origin" : "an insecure origin";

  browserTest(
    `on ${where}, the outbox survives a reload, and the session goes on`,
    async (context) => {
      if (!isSecure) await makeInsecure(context);
      await using server = await startTestApp({ allowOrigin: ["*"] });
      await using witness = await ChorusPeer.open(server.url);
      await using proxy = new BreakingProxy(server.port);
      const page = await openBlank(context, server.app.url.href);
      await connect(page, proxy.url);
      await isIn(page, "open");
      const you = await read(page, ({ chat }) => chat.you);
      await using nowhere = await ScriptedServer.start();
      nowhere.answer = () => ({ status: 503, detail: "away" });
      proxy.targetPort = Number(new URL(nowhere.url).port);
      proxy.break();
      await isIn(page, "waiting");
      const ids = await send(page, "one", "two");

      await page.reload();
      await connect(page, proxy.url, { last: 10 });
      await isIn(page, "waiting");
      assertEquals(await read(page, ({ chat }) => chat.outbox.map(({ id }) => id)), ids);
      ids.push(...await send(page, "three"));
      proxy.targetPort = server.port;
      await page.evaluate(() => (globalThis as unknown as ChatWindow).chat.retryNow());
      assertEquals(await witness.texts(3), ["one", "two", "three"]);
      await page.waitForFunction(() => (globalThis as unknown as ChatWindow).messages.length === 3);
      assertEquals(
        await read(page, ({ messages }) => messages),
        ["one", "two", "three"].map((text, index) => ({ text, id: ids[index]!, isOwn: true })),
      );
      assertEquals(await read(page, ({ chat }) => [chat.you, chat.outbox.length]), [you, 0]);
    },
  );

  browserTest(
    `on ${where}, a copied tab is another session, and a closed one leaves its outbox`,
    async (context) => {
      if (!isSecure) await makeInsecure(context);
      await using server = await ScriptedServer.start();
      const page = await openBlank(context, server.url);
      await connect(page, server.url);
      const first = await server.connections.take();
      assertEquals(first.query.session, undefined);
      first.welcome({ session: "first.SIGNATURE" });
      await isIn(page, "open");
      const [copy] = await Promise.all([
        page.waitForEvent("popup"),
        page.evaluate('void open("/healthz")'),
      ]);
      await copy.waitForURL("**/healthz");
      await connect(copy, server.url);
      const second = await server.connections.take();
      assertEquals(second.query.session, undefined);
      second.welcome({ session: "second.SIGNATURE" });
      await isIn(copy, "open");

      // Each goes on after a reload.
      for (const [each, name] of [[copy, "second"], [page, "first"]] as const) {
        await each.reload();
        await connect(each, server.url);
        const connection = await server.connections.take();
        assertEquals(connection.query.session, `${name}.SIGNATURE`);
        connection.welcome({ session: `${name}.SIGNATURE` });
        await isIn(each, "open");
      }

      const [id] = await send(copy, "unsent");
      await copy.close();
      if (!isSecure) {
        // Without locks, a session counts as used for some minutes.
        await page.evaluate(() => {
          for (const [key, value] of Object.entries(localStorage)) {
            if (!value.includes("second")) continue;
            localStorage.setItem(
              key,
              JSON.stringify({ ...JSON.parse(value), usedAtMs: Date.now() - 3e5 }),
            );
          }
        });
      }
      const heir = await openBlank(context, server.url);
      await connect(heir, server.url);
      const connection = await server.connections.take();
      assertEquals(connection.query.session, "second.SIGNATURE");
      connection.welcome({ session: "second.SIGNATURE" });
      assertEquals(await connection.next(), { type: "say", id, text: "unsent" });
    },
  );
}

browserTest("a frozen page does not take its connection for dead", async (context) => {
  await using server = await startTestApp();
  await using other = await ChorusPeer.open(server.url);
  const page = await openBlank(context, server.app.url.href);
  await connect(page, "/", { heartbeatMs: 2000 });
  await isIn(page, "open");
  const devtools = await context.newCDPSession(page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  other.say("while it is frozen");
  // Long enough for every deadline of the connection.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await page.waitForFunction(() => (globalThis as unknown as ChatWindow).messages.length === 1);
  other.say("afterwards");
  await page.waitForFunction(() => (globalThis as unknown as ChatWindow).messages.length === 2);
  const states = await read(page, ({ statuses }) => statuses.map(({ state }) => state));
  assertEquals(states, ["connecting", "open"]);
});

browserTest(
  "a page whose connection ends while it is frozen resumes when it is shown",
  async (context) => {
    await using server = await startTestApp({ allowOrigin: ["*"] });
    await using other = await ChorusPeer.open(server.url);
    await using proxy = new BreakingProxy(server.port);
    const page = await openBlank(context, server.app.url.href);
    await connect(page, proxy.url);
    await isIn(page, "open");
    const devtools = await context.newCDPSession(page);
    await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
    proxy.break();
    other.say("while it is frozen", "1");
    await other.next("ack");
    await devtools.send("Page.setWebLifecycleState", { state: "active" });
    await page.waitForFunction(() => (globalThis as unknown as ChatWindow).messages.length === 1);
    assertEquals(await read(page, ({ statuses }) => statuses.at(-1)?.isResumed), true);
  },
);

for (const event of ["online", "visibilitychange", "resume", "pageshow"] as const) {
  browserTest(`a page that waits connects at once on ${event}`, async (context) => {
    await using server = await ScriptedServer.start();
    const page = await openBlank(context, server.url);
    await connect(page, server.url);
    const first = await server.connections.take();
    first.welcome();
    first.send({ type: "reconnect", inMs: 500_000 });
    first.close(1001, "going away");
    await isIn(page, "waiting");
    if (event === "online") {
      await context.setOffline(true);
      await context.setOffline(false);
    } else if (event === "pageshow") {
      await fire(page, "pagehide");
      await fire(page, "pageshow");
    } else await fire(page, event);
    const second = await server.connections.take();
    assertEquals(second.query.session, "ann.SIGNATURE");
    second.welcome({ recovered: true });
    await isIn(page, "open");
  });
}

for (const event of ["offline", "online", "visibilitychange"] as const) {
  browserTest(`a page checks its connection at once on ${event}`, async (context) => {
    await using server = await ScriptedServer.start();
    const page = await openBlank(context, server.url);
    await connect(page, server.url);
    const connection = await server.connections.take();
    connection.welcome();
    await isIn(page, "open");
    await fire(page, event);
    assertEquals(await connection.next(), { type: "ping" });
    // It gets no answer.
    await page.waitForFunction(() =>
      (globalThis as unknown as ChatWindow).statuses.some(({ reason }) =>
        reason === "the server does not answer"
      )
    );
  });
}

browserTest(
  "a page that the browser keeps for the way back has no connection meanwhile",
  async (context) => {
    await using server = await ScriptedServer.start();
    const page = await openBlank(context, server.url);
    await connect(page, server.url);
    const first = await server.connections.take();
    first.welcome();
    await isIn(page, "open");
    await fire(page, "pagehide");
    assert(await first.next().catch(() => true));
    assertEquals(await read(page, ({ chat }) => chat.state), "waiting");
    await fire(page, "pageshow");
    const second = await server.connections.take();
    assertEquals([second.query.since, second.query.session], ["p0", "ann.SIGNATURE"]);
    assertEquals(server.maxOpenCount, 1);
  },
);

browserTest(
  "no other page sends what is unsent in a page that the browser keeps",
  async (context) => {
    await using server = await ScriptedServer.start();
    const page = await openBlank(context, server.url);
    await connect(page, server.url);
    const first = await server.connections.take();
    first.welcome();
    await isIn(page, "open");
    const [id] = await send(page, "unsent");
    await first.next();
    await fire(page, "pagehide");
    const other = await openBlank(context, server.url);
    await connect(other, server.url);
    assertEquals((await server.connections.take()).query.session, undefined);
    await fire(page, "pageshow");
    const second = await server.connections.take();
    assertEquals(second.query.session, "ann.SIGNATURE");
    second.welcome({ recovered: true });
    assertEquals(await second.next(), { type: "say", id, text: "unsent" });
  },
);
