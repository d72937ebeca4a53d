import { assert, assertEquals } from "@std/assert";
import { portOf, Program } from "../main/program.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

Deno.test({
  name: "a reload keeps the name, resumes, and repeats nothing",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using other = await ChorusPeer.open(`${server.url}?name=Bob`);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    // Chromium reports a WebSocket that is closed before it opens.
    await chat.status("Connected");
    await chat.rename("Ann");
    await chat.say("one");
    await chat.shows("one");
    other.say("two");
    await chat.shows("two");
    await chat.page.goto("about:blank");
    other.say("three");
    await chat.page.goBack();
    await chat.shows("three");
    await chat.page.reload();
    await chat.shows("three");
    await chat.say("four");
    await chat.shows("four");
    assertEquals(await chat.texts(), ["one", "two", "three", "four"]);
    assertEquals(await chat.nameField.inputValue(), "Ann");
    // She is one member, and the author of what she wrote before.
    assertEquals(await chat.log.locator(".author").allTextContents(), ["Ann", "Bob", "Ann"]);
    assertEquals(await chat.members.locator(".author").allTextContents(), ["Ann", "Bob"]);
    assertEquals(await other.texts(2), ["one", "four"]);
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "what both sides send while the server is killed and restarted arrives once, in one order",
  ignore: isBrowserMissing,
  async fn() {
    const folder = await Deno.makeTempDir();
    const first = Program.start("server", ["--port=0", `--data=${folder}/chat.db`]);
    const port = await portOf(first);
    await using browser = await launchBrowser();
    const ann = await ChatPage.open(browser, `http://127.0.0.1:${port}/`);
    await ann.status("Connected");
    await ann.rename("Ann");
    const bob = await ChatPage.open(browser, `http://127.0.0.1:${port}/`);
    await bob.status("Connected");
    await bob.rename("Bob");
    // Without an ack, the message may not be committed, and Ann would publish it again. It may come
    // after the message itself.
    const ack = ann.received('"type":"ack"');
    await ann.say("before");
    await ack;
    await ann.shows("before");
    await bob.shows("before");
    await first[Symbol.asyncDispose]();
    await ann.status("Reconnecting");
    await bob.status("Reconnecting");
    const meanwhile = ["a1", "a2", "b1", "b2"];
    for (const text of meanwhile) await (text.startsWith("a") ? ann : bob).say(text);
    const outgoing = ann.page.locator("#outgoing .text");
    await outgoing.nth(1).waitFor();
    assertEquals(await outgoing.allTextContents(), ["a1", "a2"]);
    {
      await using second = Program.start("server", [
        `--port=${port}`,
        `--data=${folder}/chat.db`,
      ]);
      await portOf(second);
      for (const chat of [ann, bob]) {
        for (const text of meanwhile) await chat.shows(text);
      }
      await ann.say("after");
      for (const chat of [ann, bob]) await chat.shows("after");
      const texts = await ann.texts();
      assertEquals(await bob.texts(), texts);
      assertEquals([texts[0], texts.at(-1)], ["before", "after"]);
      assertEquals(texts.slice(1, -1).sort(), meanwhile);
      assertEquals(texts.filter((text) => text.startsWith("a")), ["a1", "a2", "after"]);
      assertEquals(await ann.page.locator("#outgoing > *").count(), 0);
      // All is there: nothing claims that messages are missing.
      assertEquals(await ann.log.locator(".remark").count(), 0);
      assertEquals([...ann.unexpectedProblems, ...bob.unexpectedProblems], []);
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "messages written offline are pending, and are sent once online",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using other = await ChorusPeer.open(server.url);
    await using browser = await launchBrowser();
    const context = await browser.newContext();
    const chat = await ChatPage.open(context, server.app.url);
    await chat.status("Connected");
    await context.setOffline(true);
    await chat.status("Offline");
    await chat.say("one");
    await chat.log.getByText("Sending…").waitFor();
    other.say("meanwhile");
    await context.setOffline(false);
    await chat.shows("one");
    await chat.shows("meanwhile");
    assertEquals(await chat.log.getByText("Sending…").count(), 0);
    assertEquals((await chat.texts()).sort(), ["meanwhile", "one"]);
    assertEquals(await other.texts(1), ["one"]);
    assertEquals(chat.unexpectedProblems, []);
  },
});

Deno.test({
  name: "a gap is shown as a gap, with how much is missing",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp({ logRetentionBytes: 64 * 1024 });
    await using browser = await launchBrowser();
    const context = await browser.newContext();
    const chat = await ChatPage.open(context, server.app.url);
    await chat.say("before");
    await chat.shows("before");
    await context.setOffline(true);
    await chat.status("Offline");
    await using other = await ChorusPeer.open(server.url);
    for (let count = 1; count <= 30; count++) {
      other.say(`${count} ${"x".repeat(6000)}`, `${count}`);
      await other.next("ack");
    }
    await context.setOffline(false);
    const remark = chat.log.getByText("missing here: the server does not have them any more");
    await remark.waitFor();
    await chat.log.getByText("30 xxx").waitFor();
    const missedCount = Number((await remark.textContent())!.match(/^\d+/)![0]);
    const texts = await chat.texts();
    assert(missedCount > 0 && texts.length > 2);
    assertEquals(texts[1]!.split(" ")[0], `${missedCount + 1}`);
    assertEquals(texts.length, 1 + 30 - missedCount);
    assertEquals(chat.unexpectedProblems, []);
  },
});
