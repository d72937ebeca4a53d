import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { AdminToken } from "../../lib/server/security/admin_token.ts";
import { SECRET } from "../server/security/tokens/issuer.ts";
import { Peer } from "../socket/peer.ts";
import { ENGINES, startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser, openPage } from "./browser.ts";

for (const engine of ENGINES) {
  Deno.test({
    name: `${engine}: the page shows messages as plain text, and sends what the user types`,
    ignore: isBrowserMissing,
    async fn() {
      await using server = await startTestApp({ engine });
      await using other = await Peer.open(server.url);
      const browser = await launchBrowser();
      const { page, problems } = await openPage(browser, server.app.url.href);
      await page.getByText("Connected", { exact: true }).waitFor();

      other.send("hello <b>page</b>");
      await page.getByText("hello <b>page</b>").waitFor();

      await page.getByLabel("Message", { exact: true }).fill("hello");
      await page.keyboard.press("Enter");
      assertEquals(await other.next(), "hello");
      assertEquals(await page.locator("#messages li").allTextContents(), [
        "hello <b>page</b>",
        "hello",
      ]);
      assertEquals(await page.getByLabel("Message", { exact: true }).inputValue(), "");
      assertEquals(problems, []);
      await browser.close();
    },
  });
}

Deno.test({
  name: "the page joins the room in its URL",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using other = await Peer.open(`${server.url}?room=tea`);
    await using lobby = await Peer.open(server.url);
    const browser = await launchBrowser();
    const { page, problems } = await openPage(browser, `${server.app.url.href}?room=tea`);
    await page.getByText("Connected", { exact: true }).waitFor();
    await using witness = await Peer.open(server.url);
    lobby.send("to the lobby");
    assertEquals(await witness.next(), "to the lobby");
    other.send("to the tea room");
    await page.getByText("to the tea room").waitFor();
    assertEquals(await page.locator("#messages li").allTextContents(), ["to the tea room"]);
    assertEquals(problems, []);
    await browser.close();
  },
});

/** Lets an hour pass for the timers of a page. */
function passAnHour(page: Page): Promise<void> {
  return page.clock.runFor("01:00:00");
}

for (
  const [path, reason] of [
    ["/admin/connections?room=tea", "closed by an administrator"],
    ["/admin/rooms/tea", "the room was deleted"],
  ] as const
) {
  Deno.test({
    name: `the page does not reconnect after DELETE ${path}, and says why`,
    ignore: isBrowserMissing,
    async fn() {
      const token = "0123456789abcdef";
      await using server = await startTestApp({}, { adminToken: new AdminToken(token) });
      const browser = await launchBrowser();
      const { page } = await openPage(browser, `${server.app.url.href}?room=tea`);
      await page.clock.install();
      await page.getByText("Connected", { exact: true }).waitFor();
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(new URL(path, server.app.url), { method: "DELETE", headers });
      await response.body?.cancel();
      await page.getByText(`Disconnected: ${reason}`, { exact: true }).waitFor();
      await passAnHour(page);
      await page.getByText(`Disconnected: ${reason}`, { exact: true }).waitFor();
      assertEquals(server.app.chat.size, 0);
      await browser.close();
    },
  });
}

Deno.test({
  name: "the page without a token says that the server requires one, and gives up",
  ignore: isBrowserMissing,
  async fn() {
    const tokenSecretFile = await Deno.makeTempFile();
    await Deno.writeTextFile(tokenSecretFile, SECRET);
    await using server = await startTestApp({ tokenSecretFile });
    const browser = await launchBrowser();
    const { page } = await openPage(browser, server.app.url.href);
    await page.clock.install();
    await page.getByText("Cannot connect: This server needs a token").waitFor();
    let requestCount = 0;
    page.on("request", () => requestCount++);
    page.on("websocket", () => requestCount++);
    await passAnHour(page);
    assertEquals(requestCount, 0);
    await browser.close();
    await Deno.remove(tokenSecretFile);
  },
});

Deno.test({
  name: "the page connects when a full server has room again",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp({ maxRoomMembers: 1 });
    const other = await Peer.open(server.url);
    const browser = await launchBrowser();
    const { page } = await openPage(browser, server.app.url.href);
    await page.getByText("Trying again: The room is full: try again later").waitFor();
    await other[Symbol.asyncDispose]();
    await page.getByText("Connected", { exact: true }).waitFor();
    await browser.close();
  },
});

Deno.test({
  name: "a page of another origin cannot connect",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using otherSite = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("<title>other</title>", { headers: { "content-type": "text/html" } }),
    );
    const browser = await launchBrowser();
    const { page } = await openPage(browser, `http://127.0.0.1:${otherSite.addr.port}/`);
    const outcome = await page.evaluate((url) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
      }), server.url);
    assertEquals(outcome, "refused");
    assertEquals(server.app.chat.size, 0);
    await browser.close();
  },
});
