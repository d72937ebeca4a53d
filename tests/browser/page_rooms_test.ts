import { assertEquals } from "@std/assert";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

/** Joins a room through the list of rooms, or goes to it. */
async function goTo(chat: ChatPage, room: string): Promise<void> {
  const link = chat.page.getByRole("link", { name: new RegExp(`^${room}\\b`) });
  if (await link.count() > 0) {
    await link.click();
  } else {
    await chat.page.getByLabel("Join a room").fill(room);
    await chat.page.keyboard.press("Enter");
  }
  await chat.page.getByRole("heading", { name: room }).waitFor();
  await chat.status("Connected");
}

Deno.test({
  name: "the rooms, their unread messages, and the user's place in them are shown and remembered",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(`${server.url}?name=Bob&room=lobby`);
    await using browser = await launchBrowser();
    const context = await browser.newContext();
    const chat = await ChatPage.open(context, server.app.url);
    bob.say("seen");
    await chat.shows("seen");
    await goTo(chat, "tea");
    assertEquals(new URL(chat.page.url()).search, "?room=tea");
    bob.say("missed 1");
    bob.say("missed 2");
    await chat.page.getByRole("link", { name: "lobby, 2 unread" }).waitFor();
    await chat.titled("(2) tea · Chorus");
    const icon = await chat.page.locator("link[rel=icon]").getAttribute("href");
    assertEquals(decodeURIComponent(icon!).match(/<text.*>(\d+)<\/text>/)?.[1], "2");

    await goTo(chat, "lobby");
    await chat.shows("missed 2");
    assertEquals(await chat.texts(), ["seen", "missed 1", "missed 2"]);
    const marked = chat.log.locator(".row").filter({ hasText: "New" });
    assertEquals(await marked.locator(".text").allTextContents(), ["missed 1"]);
    await chat.titled("lobby · Chorus");

    // The browser's buttons move between the rooms as well, without a new document.
    await chat.page.evaluate("globalThis.isSameDocument = true");
    await chat.page.goBack();
    await chat.page.getByRole("heading", { name: "tea" }).waitFor();
    assertEquals(await chat.page.evaluate("isSameDocument"), true);
    await chat.page.reload();
    await chat.page.getByRole("heading", { name: "tea" }).waitFor();
    await chat.page.getByRole("link", { name: "lobby", exact: true }).waitFor();

    await chat.page.getByRole("button", { name: "Leave tea" }).click();
    await chat.page.getByRole("heading", { name: "lobby" }).waitFor();
    const links = chat.page.getByRole("list", { name: "Your rooms" }).getByRole("link");
    await links.nth(1).waitFor({ state: "detached" });
    assertEquals(await links.allTextContents(), ["lobby"]);
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "after a reload, a marker stands where the user left off, and older ones are read",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(`${server.url}?name=Bob`);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    for (const text of ["one", "two"]) bob.say(text);
    await chat.shows("two");
    await chat.page.goto("about:blank");
    bob.say("three", "3");
    await bob.next("ack");
    await chat.page.goBack();
    await chat.shows("three");
    const marked = chat.log.locator(".row").filter({ hasText: "New" });
    assertEquals(await marked.locator(".text").allTextContents(), ["three"]);
    await chat.titled("lobby · Chorus");
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "each room keeps its draft, also after a reload",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    await chat.field.fill("for the lobby");
    await goTo(chat, "tea");
    assertEquals(await chat.field.inputValue(), "");
    await chat.field.fill("for tea");
    await goTo(chat, "lobby");
    assertEquals(await chat.field.inputValue(), "for the lobby");
    await chat.field.fill("");
    await chat.page.goBack();
    await chat.page.getByRole("heading", { name: "tea" }).waitFor();
    await chat.page.reload();
    assertEquals(await chat.field.inputValue(), "for tea");
    await chat.say("for tea");
    await chat.shows("for tea");
    await chat.page.reload();
    await chat.shows("for tea");
    assertEquals(await chat.field.inputValue(), "");
    await goTo(chat, "lobby");
    assertEquals(await chat.field.inputValue(), "");
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "the field to join a room offers the rooms of the server",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using _bob = await ChorusPeer.open(`${server.url}?room=tea`);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    await chat.page.getByLabel("Join a room").focus();
    const offered = chat.page.locator("#known-rooms option");
    await offered.first().waitFor({ state: "attached" });
    assertEquals(
      await offered.evaluateAll((all) => all.map((each) => each.getAttribute("value"))),
      ["tea"],
    );
  },
});

Deno.test({
  name: "the page gives the command that publishes in the room, and it works as copied",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using browser = await launchBrowser();
    const context = await browser.newContext({
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const chat = await ChatPage.open(context, `${server.app.url}?room=it's+tea`.replace("+", ""));
    await chat.status("Connected");
    await chat.page.getByRole("button", { name: "Copy as curl" }).click();
    await chat.page.getByRole("button", { name: "Copy", exact: true }).click();
    await chat.page.getByRole("button", { name: "Copied" }).waitFor();
    const command = await chat.page.evaluate<string>("navigator.clipboard.readText()");
    const { code } = await new Deno.Command("sh", { args: ["-ec", command] }).output();
    assertEquals(code, 0);
    await chat.shows("Hello from curl");
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "unread messages are counted once, and as 50+ if the replay does not have them all",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(`${server.url}?name=Bob&room=tea`);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, `${server.app.url}?room=tea`);
    bob.say("read");
    await chat.shows("read");
    await goTo(chat, "lobby");
    for (let count = 1; count <= 9; count++) bob.say(`${count}`);
    await chat.page.getByRole("link", { name: "tea, 9 unread", exact: true }).waitFor();
    await chat.rename("Ann");
    while (!(await bob.next("joined", "left")).members.some(({ name }) => name === "Ann"));
    bob.say("10");
    await chat.page.getByRole("link", { name: "tea, 10 unread", exact: true }).waitFor();
    for (let count = 11; count <= 60; count++) bob.say(`${count}`);
    await chat.page.getByRole("link", { name: "tea, 60 unread", exact: true }).waitFor();
    await chat.page.reload();
    await chat.page.getByRole("link", { name: "tea, 50+ unread", exact: true }).waitFor();
    await chat.titled("(50+) lobby · Chorus");
    assertEquals(chat.problems, []);
  },
});

/** Enters a name in the field to join a room. */
async function join(chat: ChatPage, room: string): Promise<void> {
  await chat.page.getByLabel("Join a room").fill(room);
  await chat.page.keyboard.press("Enter");
}

/** What the browser says about the name in the field to join a room. */
async function joinFault(chat: ChatPage): Promise<string> {
  const field = chat.page.locator("#join-name");
  await chat.page.locator("#join-name:invalid").waitFor();
  return await field.evaluate((it) => (it as unknown as HTMLInput).validationMessage);
}

interface HTMLInput {
  readonly validationMessage: string;
}

Deno.test({
  name: "a name that no room can have is refused in words, and neither opened nor remembered",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    const links = chat.page.getByRole("list", { name: "Your rooms" }).getByRole("link");
    await join(chat, "a b");
    assertEquals(await joinFault(chat), "The name of a room has no spaces");
    await join(chat, "..");
    assertEquals(await joinFault(chat), "A room needs a name that is more than dots");
    assertEquals(chat.problems, []);
    // The server alone knows this rule.
    await join(chat, "An\u200Dn");
    assertEquals(
      await joinFault(chat),
      "The server takes only visible characters in the name of a room",
    );
    assertEquals(chat.page.url(), String(server.app.url));
    assertEquals(await links.allTextContents(), ["lobby"]);
    await chat.page.reload();
    await chat.status("Connected");
    assertEquals(await links.allTextContents(), ["lobby"]);
    // Two encodings of a letter are one name.
    await join(chat, "caf\u0065\u0301");
    await chat.page.getByRole("heading", { name: "caf\u00e9" }).waitFor();
  },
});

Deno.test({
  name: "a ninth room takes the place of one without unsent messages, or is refused in words",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using browser = await launchBrowser();
    const context = await browser.newContext();
    const chat = await ChatPage.open(context, server.app.url);
    await chat.status("Connected");
    await context.setOffline(true);
    const links = chat.page.getByRole("list", { name: "Your rooms" }).getByRole("link");
    for (const room of ["lobby", "2", "3", "4", "5", "6", "7", "8", "9"]) {
      if (room !== "lobby") await join(chat, room);
      await chat.page.getByRole("heading", { name: room, exact: true }).waitFor();
      if (room === "3") continue;
      await chat.say("unsent");
      await chat.log.getByText("Sending…").waitFor();
    }
    const remaining = ["lobby", "2", "4", "5", "6", "7", "8", "9"];
    assertEquals(await links.allTextContents(), remaining);
    await join(chat, "10");
    assertEquals(
      await joinFault(chat),
      "Leave a room first: all of them have unsent messages",
    );
    assertEquals(await links.allTextContents(), remaining);
    await chat.page.getByRole("button", { name: "Leave 4" }).click();
    await chat.page.getByLabel("Join a room").press("Enter");
    await chat.page.getByRole("heading", { name: "10", exact: true }).waitFor();
  },
});
