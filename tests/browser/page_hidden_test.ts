import { assertEquals } from "@std/assert";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

/**
 * Hides or shows the page, while it has work to render that was scheduled before. That work never
 * comes, as the frames of a hidden tab do not.
 */
async function become(chat: ChatPage, state: "hidden" | "visible"): Promise<void> {
  await chat.page.evaluate(`{
    const { requestAnimationFrame, setTimeout } = globalThis;
    globalThis.requestAnimationFrame = globalThis.setTimeout = () => 0;
    dispatchEvent(new Event("online"));
    Object.assign(globalThis, { requestAnimationFrame, setTimeout });
    Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }`);
}

Deno.test({
  name: "the title counts what is unread also if a frame was due when the tab was hidden",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using bob = await ChorusPeer.open(`${server.url}?name=Bob`);
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, server.app.url);
    await chat.status("Connected");
    await become(chat, "hidden");
    bob.say("one");
    await chat.titled("(1) lobby · Chorus");
    await become(chat, "visible");
    await chat.shows("one");
    await chat.titled("lobby · Chorus");
    assertEquals(chat.problems, []);
  },
});
