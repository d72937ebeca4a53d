import { assert, assertEquals } from "@std/assert";
import { portOf, Program } from "../main/program.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { isBrowserMissing, launchBrowser } from "../browser/browser.ts";
import { ChatPage } from "../browser/chat_page.ts";

/** Remembers the largest number of rows that the document has had. */
const WATCH_ROWS = `(() => {
  const rows = document.querySelector("#rows");
  globalThis.maxRows = 0;
  new MutationObserver(() => maxRows = Math.max(maxRows, rows.childElementCount))
    .observe(rows, { childList: true });
})()`;

Deno.test({
  name: "at 10,000 messages per second, the page counts what it cannot show, and is still of use",
  ignore: isBrowserMissing,
  async fn() {
    await using server = Program.start("server", ["--port=0"]);
    const url = `127.0.0.1:${await portOf(server)}`;
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, `http://${url}/?room=tea`);
    await chat.status("Connected");
    await chat.page.evaluate(WATCH_ROWS);
    await using witness = await ChorusPeer.open(`ws://${url}/ws?room=lobby`);
    await using client = Program.start("client", [
      ...[`--url=ws://${url}/ws?room=tea`, "--count=2", "--rate=10000", "--duration=8s"],
    ]);
    // A busy machine needs long to catch up.
    chat.page.setDefaultTimeout(300_000);
    const remark = chat.log.getByText("messages not shown: they came too fast to read");
    await remark.first().waitFor();
    // The user writes, and goes to another room and back.
    await chat.field.pressSequentially("can you hear me?");
    assertEquals(await chat.field.inputValue(), "can you hear me?");
    await chat.page.getByLabel("Join a room").fill("lobby");
    await chat.page.keyboard.press("Enter");
    await chat.page.getByRole("heading", { name: "lobby" }).waitFor();
    await chat.status("Connected");
    await chat.say("hello");
    assertEquals(await witness.texts(1), ["hello"]);
    await chat.page.goBack();
    await chat.page.getByRole("heading", { name: "tea" }).waitFor();
    assertEquals(await chat.field.inputValue(), "can you hear me?");
    await client.ended();
    await using bob = await ChorusPeer.open(`ws://${url}/ws?room=tea`);
    bob.say("quiet again");
    await chat.shows("quiet again");
    assert(await chat.page.evaluate<number>("maxRows") <= 400);
    assertEquals(chat.problems, []);
  },
});
