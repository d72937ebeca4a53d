import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { AdminToken } from "../../lib/server/security/admin_token.ts";
import { Peer } from "../socket/peer.ts";
import { ENGINES, startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser, openPage } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

for (const engine of ENGINES) {
  Deno.test({
    name: `${engine}: two pages and a plain text client talk in one room`,
    ignore: isBrowserMissing,
    async fn() {
      await using server = await startTestApp({ engine });
      await using plain = await Peer.open(server.url);
      await using browser = await launchBrowser();
      const ann = await ChatPage.open(browser, server.app.url);
      await ann.status("Connected");
      await ann.rename("Ann");
      const bob = await ChatPage.open(browser, server.app.url);
      await bob.status("Connected");
      await bob.rename("Bob");

      await ann.say("hello from Ann");
      await bob.shows("hello from Ann");
      assertEquals(await plain.next(), "hello from Ann");
      await bob.say("hello from Bob");
      await ann.shows("hello from Bob");
      assertEquals(await plain.next(), "hello from Bob");
      plain.send("hello from a program");
      await ann.shows("hello from a program");
      await bob.shows("hello from a program");

      const texts = ["hello from Ann", "hello from Bob", "hello from a program"];
      assertEquals(await ann.texts(), texts);
      assertEquals(await bob.texts(), texts);
      assertEquals(await ann.field.inputValue(), "");
      // The server tells who is there a moment later.
      await ann.members.getByText("Bob", { exact: true }).waitFor();
      assertEquals(await ann.members.locator(".author").allTextContents(), [
        ...["Ann", "Bob"],
        ...(await bob.members.locator(".author").allTextContents()).slice(2),
      ]);
      assertEquals(await bob.log.locator(".author").allTextContents(), [
        ...["Ann", "Bob"],
        (await bob.members.locator(".author").allTextContents())[2],
      ]);
      assertEquals([...ann.problems, ...bob.problems], []);
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
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, `${server.app.url}?room=tea`);
    await chat.status("Connected");
    await using witness = await Peer.open(server.url);
    lobby.send("to the lobby");
    assertEquals(await witness.next(), "to the lobby");
    other.send("to the tea room");
    await chat.shows("to the tea room");
    assertEquals(await chat.texts(), ["to the tea room"]);
    assertEquals(chat.problems, []);
  },
});

/** Lets an hour pass for the timers of a page. */
function passAnHour(page: Page): Promise<void> {
  return page.clock.runFor("01:00:00");
}

for (
  const [path, reason] of [
    ["/admin/connections?room=tea", "An administrator has closed your connection"],
    ["/admin/rooms/tea", "An administrator has deleted this room"],
  ] as const
) {
  Deno.test({
    name: `after DELETE ${path}, the page says why, and connects again only when asked to`,
    ignore: isBrowserMissing,
    async fn() {
      const token = "0123456789abcdef";
      await using server = await startTestApp({}, { adminToken: new AdminToken(token) });
      await using browser = await launchBrowser();
      const context = await browser.newContext();
      await context.clock.install();
      const chat = await ChatPage.open(context, `${server.app.url}?room=tea`);
      await chat.status("Connected");
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(new URL(path, server.app.url), { method: "DELETE", headers });
      await response.body?.cancel();
      await chat.page.getByRole("alert").filter({ hasText: reason }).waitFor();
      await passAnHour(chat.page);
      await chat.status("Disconnected");
      assertEquals(server.app.chat.size, 0);
      await chat.say("too late");
      await chat.log.getByText("Not sent: The chat is closed").waitFor();
      await chat.page.getByRole("button", { name: "Join again" }).click();
      await chat.status("Connected");
      await chat.log.getByRole("button", { name: "Retry" }).click();
      await chat.shows("too late");
      assertEquals(await chat.log.locator(".failed").count(), 0);
      assertEquals(server.app.chat.size, 1);
      assertEquals(chat.problems, []);
    },
  });
}

Deno.test({
  name: "the page connects when a full server has room again, and sends what was written meanwhile",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp({ maxRoomMembers: 1 });
    const other = await Peer.open(server.url);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Reconnecting: The room is full: try again later");
    await chat.say("written meanwhile");
    await chat.page.reload();
    await chat.status("Reconnecting: The room is full: try again later");
    await chat.log.getByText("Sending…").waitFor();
    await other[Symbol.asyncDispose]();
    await chat.shows("written meanwhile");
    assertEquals(await chat.texts(), ["written meanwhile"]);
    await chat.page.reload();
    await chat.shows("written meanwhile");
    assertEquals(await chat.texts(), ["written meanwhile"]);
  },
});

Deno.test({
  name: "a name that the server refuses is named as the reason, and can be corrected",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    await chat.nameField.fill("a\u2028b");
    await chat.nameField.press("Enter");
    await chat.page.getByRole("alert").filter({ hasText: "name" }).waitFor();
    await chat.rename("Ann");
    await chat.status("Connected");
    assertEquals(await chat.page.getByRole("alert").count(), 0);
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
    await using browser = await launchBrowser();
    const { page } = await openPage(browser, `http://127.0.0.1:${otherSite.addr.port}/`);
    const outcome = await page.evaluate((url) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
      }), server.url);
    assertEquals(outcome, "refused");
    assertEquals(server.app.chat.size, 0);
  },
});
