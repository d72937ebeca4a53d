import { assert, assertEquals } from "@std/assert";
import type { Browser, BrowserContext } from "playwright-core";
import { SECRET, signWithSecret } from "../server/security/tokens/issuer.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp, type TestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

const EXPIRES = Math.floor(Date.now() / 1000) + 3600;

/** Calls a function with a server that wants tokens. */
async function withTokens(use: (server: TestApp) => Promise<void>): Promise<void> {
  const tokenSecretFile = await Deno.makeTempFile();
  await Deno.writeTextFile(tokenSecretFile, SECRET);
  {
    await using server = await startTestApp({ tokenSecretFile });
    await use(server);
  }
  await Deno.remove(tokenSecretFile);
}

/** Opens a page whose token is only for reading, and says `refused` there. */
async function failToPublish(
  context: Browser | BrowserContext,
  server: TestApp,
): Promise<ChatPage> {
  const rooms = { read: ["*"], publish: [] };
  const token = await signWithSecret({ sub: "ann", exp: EXPIRES, rooms });
  const chat = await ChatPage.open(context, `${server.app.url}#token=${token}`);
  await chat.status("Connected");
  await chat.say("refused");
  return chat;
}

Deno.test({
  name: "a page without a token asks for one, stays quiet meanwhile, and has the token's name",
  ignore: isBrowserMissing,
  fn: () =>
    withTokens(async (server) => {
      await using browser = await launchBrowser();
      const context = await browser.newContext();
      await context.clock.install();
      const chat = await ChatPage.open(context, server.app.url);
      const field = chat.page.getByLabel("Token", { exact: true });
      await field.waitFor();
      assertEquals(await field.getAttribute("type"), "password");
      await chat.page.getByText("This server needs a token").first().waitFor();
      let requestCount = 0;
      chat.page.on("request", () => requestCount++);
      chat.page.on("websocket", () => requestCount++);
      await chat.page.clock.runFor("01:00:00");
      assertEquals(requestCount, 0);

      await field.fill("wrong");
      await field.press("Enter");
      await chat.page.getByRole("alert").waitFor();
      await field.waitFor();
      await field.fill(
        await signWithSecret({ sub: "ann", name: "Ann of the token", exp: EXPIRES }),
      );
      await field.press("Enter");
      await chat.status("Connected");
      await chat.members.filter({ hasText: "Ann of the token" }).waitFor();
      await chat.page.locator("#name:disabled").waitFor();
      assertEquals(await chat.nameField.inputValue(), "Ann of the token");
      await chat.say("hello");
      await chat.shows("hello");
      // It lasts as long as the tab.
      await chat.page.reload();
      await chat.shows("hello");
    }),
});

Deno.test({
  name: "a token in the fragment is taken, and leaves the address and the history",
  ignore: isBrowserMissing,
  fn: () =>
    withTokens(async (server) => {
      await using browser = await launchBrowser();
      const token = await signWithSecret({ sub: "ann", name: "Ann", exp: EXPIRES });
      const context = await browser.newContext();
      const urls: string[] = [];
      context.on("request", (request) => urls.push(request.url()));
      const chat = await ChatPage.open(context, `${server.app.url}?room=tea#token=${token}`);
      await chat.status("Connected");
      assertEquals(chat.page.url(), `${server.app.url}?room=tea`);
      await chat.page.getByRole("button", { name: "Copy as curl" }).click();
      const command = await chat.page.locator("#curl-command").textContent();
      assert(command!.includes('"Authorization: Bearer $TOKEN"'));
      assertEquals(await chat.page.content().then((html) => html.includes(token)), false);
      assertEquals(urls.filter((url) => url.includes(token) && !url.includes("#")), []);
      assertEquals(chat.problems, []);
    }),
});

Deno.test({
  name: "an open page takes a token in the fragment, and closes its question for one",
  ignore: isBrowserMissing,
  fn: () =>
    withTokens(async (server) => {
      await using browser = await launchBrowser();
      const chat = await ChatPage.open(browser, server.app.url);
      await chat.page.getByLabel("Token", { exact: true }).waitFor();
      const token = await signWithSecret({ sub: "ann", name: "Ann", exp: EXPIRES });
      await chat.page.goto(`${server.app.url}#token=${token}`);
      await chat.members.filter({ hasText: "Annyou" }).waitFor();
      assertEquals(chat.page.url(), String(server.app.url));
      await chat.page.getByLabel("Token", { exact: true }).waitFor({ state: "hidden" });
    }),
});

Deno.test({
  name: "what one user has not sent yet is not sent by the next one, but has failed",
  ignore: isBrowserMissing,
  fn: () =>
    withTokens(async (server) => {
      await using browser = await launchBrowser();
      const context = await browser.newContext();
      const [ann, bob] = await Promise.all(
        ["ann", "bob"].map((sub) => signWithSecret({ sub, exp: EXPIRES })),
      );
      const chat = await ChatPage.open(context, `${server.app.url}#token=${ann}`);
      await chat.status("Connected");
      await context.setOffline(true);
      await chat.status("Offline");
      await chat.say("unsent");
      await chat.log.getByText("Sending…").waitFor();
      await chat.page.evaluate((hash) => {
        location.hash = hash;
      }, `token=${bob}`);
      await context.setOffline(false);
      const failed = chat.log.locator(".failed");
      await failed.getByText("Not sent: the connection was replaced before that").waitFor();
      assertEquals(await chat.log.getByText("Sending…").count(), 0);

      // Of the first user it is still unsent.
      await chat.page.evaluate((hash) => {
        location.hash = hash;
      }, `token=${ann}`);
      await chat.shows("unsent");
      assertEquals(await failed.count(), 0);
      assertEquals(await chat.texts(), ["unsent"]);
    }),
});

Deno.test({
  name: "a message that the server refuses stays with the reason, to retry or discard it",
  ignore: isBrowserMissing,
  fn: () =>
    withTokens(async (server) => {
      await using browser = await launchBrowser();
      const chat = await failToPublish(browser, server);
      const failed = chat.log.locator(".failed");
      await failed.getByText("Not sent: ").waitFor();
      assertEquals(await failed.locator(".text").allTextContents(), ["refused"]);
      await chat.page.reload();
      await chat.status("Connected");
      await failed.getByText("Not sent: ").waitFor();
      const first = await failed.elementHandle();
      await failed.getByRole("button", { name: "Retry" }).click();
      // Its row is replaced in the next frame. Only then the reason is that of the second time.
      await first!.waitForElementState("hidden");
      await failed.getByText("Not sent: ").waitFor();

      // With another token it goes out.
      const other = await signWithSecret({ sub: "bob", exp: EXPIRES });
      await using bob = await ChorusPeer.open(server.url, other);
      await chat.page.evaluate((token) => {
        location.hash = `token=${token}`;
      }, await signWithSecret({ sub: "ann", exp: EXPIRES }));
      await chat.page.waitForURL(String(server.app.url));
      await failed.getByRole("button", { name: "Retry" }).click();
      await chat.shows("refused");
      assertEquals(await bob.texts(1), ["refused"]);
      assertEquals(await failed.count(), 0);
      assertEquals(await chat.texts(), ["refused"]);
    }),
});

Deno.test({
  name: "of two tabs that show the same message that failed, one can send it again",
  ignore: isBrowserMissing,
  fn: () =>
    withTokens(async (server) => {
      await using browser = await launchBrowser();
      const context = await browser.newContext();
      const failing = await failToPublish(context, server);
      await failing.log.locator(".failed").waitFor();
      await failing.page.close();

      const url = `${server.app.url}#token=${await signWithSecret({ sub: "ann", exp: EXPIRES })}`;
      const one = await ChatPage.open(context, url);
      await one.status("Connected");
      const other = await ChatPage.open(context, url);
      await other.status("Connected");
      await one.log.getByRole("button", { name: "Retry" }).click();
      await other.shows("refused");
      await other.log.getByRole("button", { name: "Retry" }).click();
      await other.log.locator(".failed").waitFor({ state: "detached" });
      await other.say("after");
      await one.shows("after");
      assertEquals(await one.texts(), ["refused", "after"]);
    }),
});

Deno.test({
  name: "a message that failed is gone for good when it is discarded",
  ignore: isBrowserMissing,
  fn: () =>
    withTokens(async (server) => {
      await using browser = await launchBrowser();
      const chat = await failToPublish(browser, server);
      await chat.log.getByRole("button", { name: "Discard" }).click();
      await chat.log.locator(".failed").waitFor({ state: "detached" });
      await chat.page.reload();
      await chat.status("Connected");
      assertEquals(await chat.texts(), []);
      assertEquals(chat.problems, []);
    }),
});
