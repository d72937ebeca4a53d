import { assertEquals } from "@std/assert";
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
    assertEquals(server.app.connectionCount, 0);
    await browser.close();
  },
});
