import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

Deno.test({
  name: "the panel shows the server's own figures, and reads them only while it is open",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(server.url);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    const requests: string[] = [];
    chat.page.on("request", (request) => requests.push(new URL(request.url()).pathname));
    const button = chat.page.getByRole("button", { name: "Server figures" });
    await button.click();
    assertEquals(new URL(chat.page.url()).searchParams.has("stats"), true);
    const figure = (title: string) =>
      chat.page.locator("#charts > div").filter({ hasText: title }).locator("dd");
    await figure("Connections").filter({ hasText: /^2$/ }).waitFor();
    for (let count = 0; count < 100; count++) bob.say(`${count}`);
    await figure("Messages per second").filter({ hasText: /[1-9]/ }).waitFor();
    await figure("Deliveries per second").filter({ hasText: /[1-9]/ }).waitFor();
    await figure("Slow readers so far").filter({ hasText: /^0$/ }).waitFor();
    await figure("Memory").filter({ hasText: /^\d+ MiB$/ }).waitFor();
    assertEquals(await chat.page.locator("#charts dt").allTextContents(), [
      "Connections",
      "Messages per second",
      "Deliveries per second",
      "Flush, 99th percentile",
      "Slow readers so far",
      "Memory",
    ]);
    const drawn = await chat.page.locator("#charts canvas").evaluateAll(
      (all) =>
        (all as unknown as { width: number; toDataURL(): string }[])
          .map((canvas) => canvas.width > 0 && canvas.toDataURL().length),
    );
    assertEquals(drawn.length, 6);
    assert(drawn.every((length) => length !== false && length > 500));
    await button.click();
    assertEquals(new URL(chat.page.url()).searchParams.has("stats"), false);
    await chat.page.locator("#stats").waitFor({ state: "hidden" });
    const readCount = requests.filter((path) => path === "/metrics").length;
    assert(readCount >= 2);
    assertEquals(requests.filter((path) => path.endsWith("/uplot.js")).length, 1);
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "/?stats opens the panel, which asks once and says so if the figures are not open",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp({ metricsListen: "127.0.0.1:0" });
    await using browser = await launchBrowser();
    const context = await browser.newContext();
    await context.clock.install();
    const chat = await ChatPage.open(context, `${server.app.url}?stats`);
    await chat.page.getByText("The figures of this server are not open to this page.").waitFor();
    await chat.page.clock.runFor(5_000);
    // A request that the panel made meanwhile is answered before this one.
    await chat.page.evaluate("fetch('healthz').then((response) => response.text())");
    assertEquals(await chat.page.locator("#charts > *").count(), 0);
    assertEquals(chat.problems.length, 1, chat.problems.join("\n"));
    assertStringIncludes(chat.problems[0]!, "404");

    // Opened again, it asks again.
    const button = chat.page.getByRole("button", { name: "Server figures" });
    await button.click();
    const answer = chat.page.waitForResponse("**/metrics");
    await button.click();
    assertEquals((await answer).status(), 404);
  },
});

Deno.test({
  name: "the panel says that the page must be loaded again if the server has other files now",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.page.route("**/uplot.js", (route) => route.fulfill({ status: 404 }));
    await chat.page.getByRole("button", { name: "Server figures" }).click();
    await chat.page.getByText("this page may be older than the server. Reload it.").waitFor();
    assertEquals(chat.problems.length, 1, chat.problems.join("\n"));
    assertStringIncludes(chat.problems[0]!, "404");
  },
});
