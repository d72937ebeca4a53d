import { assertEquals } from "@std/assert";
import { statusOf } from "../../lib/chat/chorus_v1.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

Deno.test({
  name: "the page says in its status line that messages are held, until they are stored again",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    const { rooms } = server.app.chat;
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    rooms.announce(statusOf(false));
    await chat.status("Messages are held: the server cannot store them now");
    assertEquals(await accessibilityFaults(chat.page), []);
    await chat.say("hello");
    await chat.shows("hello");
    rooms.announce(statusOf(true));
    await chat.status("Connected");
    // What a connection has heard does not hold for the next one.
    rooms.announce(statusOf(false));
    await chat.status("Messages are held");
    await chat.rename("Ann");
    await chat.status("Connected");
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "the page marks a gap of an unknown number of messages while it is connected",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(`${server.url}?name=Bob`);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    bob.say("before");
    await chat.shows("before");
    const { position } = bob.welcome;
    server.app.chat.rooms.announce({
      ...{ type: "gap", after: position, before: position, missedCount: 0, reason: "expired" },
    });
    await chat.page.getByText(
      "Messages may be missing here: the server does not have them any more",
      { exact: true },
    ).waitFor();
    bob.say("after");
    await chat.shows("after");
    assertEquals(await chat.log.getByText(/\b0 messages/).count(), 0);
    assertEquals(chat.problems, []);
  },
});
