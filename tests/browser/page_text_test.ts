import { assert, assertEquals } from "@std/assert";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { Peer } from "../socket/peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

/** Puts a text in the clipboard, and pastes it. */
async function paste(chat: ChatPage, text: string): Promise<void> {
  await chat.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await chat.page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
  await chat.field.focus();
  await chat.page.keyboard.press("Control+V");
}

Deno.test({
  name: "a message that is too long is refused in words, and stays in the field",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using other = await Peer.open(server.url);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    const text = "x".repeat(70_000);
    await paste(chat, text);
    await chat.page.getByText("70,000 of 65,").waitFor();
    await chat.page.getByRole("button", { name: "Send" }).click();
    await chat.page.getByText("This message is too long: it has 70,000 bytes").waitFor();
    assertEquals(await chat.field.inputValue(), text);
    await chat.say("short");
    assertEquals(await other.next(), "short");
    await chat.shows("short");
    assertEquals(await chat.texts(), ["short"]);
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "the longest message that the counter allows arrives",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp({ maxMessageBytes: 1024 });
    await using other = await Peer.open(server.url);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    await chat.field.fill("x".repeat(1000));
    const hint = await chat.page.locator("#hint").textContent();
    const max = Number(hint!.match(/of ([\d,]+) bytes/)![1]!.replace(",", ""));
    assert(max > 900 && max < 1024);
    // Two bytes each in UTF-8.
    const text = "é".repeat(Math.floor(max / 2)) + "x".repeat(max % 2);
    await chat.say(text);
    assertEquals(await other.next(), text);
    await chat.say(`${text}x`);
    await chat.page.getByText("This message is too long").waitFor();
    assertEquals(await chat.field.inputValue(), `${text}x`);
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "Shift+Enter and pasted lines make one message of several lines",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using other = await Peer.open(server.url);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await paste(chat, "one\n  two");
    await chat.page.keyboard.press("Shift+Enter");
    await chat.page.keyboard.type("three");
    await chat.page.keyboard.press("Enter");
    assertEquals(await other.next(), "one\n  two\nthree");
    await chat.page.locator("#rows .text").waitFor();
    assertEquals(await chat.texts(), ["one\n  two\nthree"]);
    assertEquals(await chat.page.locator("#rows .text").innerText(), "one\n  two\nthree");
  },
});

Deno.test({
  name: "Enter that ends a composition of an input method does not send",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using other = await Peer.open(server.url);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    await chat.field.focus();
    const session = await chat.page.context().newCDPSession(chat.page);
    await session.send("Input.imeSetComposition", {
      text: "にほん",
      selectionStart: 3,
      selectionEnd: 3,
    });
    // The key goes to the input method: browsers report it as part of the composition.
    await session.send("Input.dispatchKeyEvent", {
      type: "rawKeyDown",
      key: "Enter",
      code: "Enter",
      windowsVirtualKeyCode: 229,
    });
    await session.send("Input.insertText", { text: "日本" });
    assertEquals(await chat.field.inputValue(), "日本");
    await chat.field.press("Enter");
    assertEquals(await other.next(), "日本");
    await chat.shows("日本");
    assertEquals(await chat.texts(), ["日本"]);
  },
});

const MAX_MESSAGE_BYTES = 64 * 1024;

/** A letter with as many combining marks as fit in a frame of so many bytes. */
function combiningMarks(maxMessageBytes: number): string {
  const frame = JSON.stringify({ type: "say", text: "Z" });
  // Two bytes each in UTF-8.
  return `Z${"\u0301\u0489".repeat(Math.floor((maxMessageBytes - frame.length) / 4))}`;
}

Deno.test({
  name: "hostile texts are shown as text, each in its own place",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp({ maxMessageBytes: MAX_MESSAGE_BYTES });
    await using other = await ChorusPeer.open(`${server.url}?name=${encodeURIComponent("<i>Eve")}`);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    const texts = [
      "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>",
      "&lt;b&gt; javascript:document.title='owned' data:text/html,<b>x",
      "\u202Egnp.exe \u2066isolated",
      "after the override",
      combiningMarks(MAX_MESSAGE_BYTES),
      "after the marks",
      "x".repeat(20_000),
      "\u0000\u0007\u001b[31mred",
    ];
    for (const text of texts) other.say(text);
    await chat.shows("after the marks");
    await chat.page.locator("#rows .text").nth(texts.length - 1).waitFor();
    assertEquals(await chat.texts(), texts);
    assertEquals(await chat.log.locator("img, script, b, i").count(), 0);
    assertEquals(await chat.log.locator("a").count(), 0);
    assert((await chat.page.title()).includes("lobby"));
    // No text paints outside of its own box, and no box overlaps another one.
    const boxes = await chat.page.locator("#rows .text").evaluateAll((all) =>
      (all as unknown as {
        getBoundingClientRect(): { top: number; bottom: number; left: number; right: number };
      }[]).map((each) => each.getBoundingClientRect())
    );
    const { width } = chat.page.viewportSize()!;
    for (const [at, box] of boxes.entries()) {
      assert(box.left >= 0 && box.right <= width);
      if (at > 0) assert(box.top >= boxes[at - 1]!.bottom - 1);
    }
    const overflows = await chat.page.evaluate<string[]>(
      `[...document.querySelectorAll("#rows .text")]
        .map((each) => getComputedStyle(each).overflowY)`,
    );
    assertEquals(new Set(overflows), new Set(["clip"]));
    assertEquals(chat.problems, []);
  },
});

Deno.test({
  name: "links are safe, and only what looks like a link is one",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using other = await ChorusPeer.open(server.url);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    other.say("See https://example.org/a?b=c#d, www.example.com and ann@example.org.");
    other.say("Not server.ts, README.md, javascript:alert(1)//www, or ftp://example.org/");
    other.say("last");
    await chat.shows("last");
    const links = await chat.log.locator("a").evaluateAll((all) =>
      (all as unknown as { href: string; textContent: string; rel: string; target: string }[])
        .map(({ href, textContent, rel, target }) => [href, textContent, rel, target])
    );
    const safely = ["noopener noreferrer nofollow", "_blank"];
    assertEquals(links, [
      ["https://example.org/a?b=c#d", "https://example.org/a?b=c#d", ...safely],
      ["https://www.example.com/", "www.example.com", ...safely],
      ["mailto:ann@example.org", "ann@example.org", ...safely],
    ]);
    assertEquals(chat.problems, []);
  },
});
