import { assertEquals } from "@std/assert";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { isBrowserMissing, launchBrowser } from "./browser.ts";
import { ChatPage } from "./chat_page.ts";

/** Colours and sizes do not depend on each other. */
const SCREENS = [
  { colorScheme: "light", size: "wide", viewport: { width: 1280, height: 800 } },
  { colorScheme: "dark", size: "phone", viewport: { width: 390, height: 844 } },
] as const;

for (const { colorScheme, size, viewport } of SCREENS) {
  Deno.test({
    name: `${colorScheme}, ${size}: axe-core finds nothing, and nothing is wider than the screen`,
    ignore: isBrowserMissing,
    async fn() {
      await using server = await startTestApp();
      // The colours of authors depend on their ids.
      const peers = await Promise.all(
        Array.from(
          { length: 12 },
          (_, at) => ChorusPeer.open(`${server.url}?name=Member%20${at}`),
        ),
      );
      await using browser = await launchBrowser();
      const context = await browser.newContext({ colorScheme, viewport });
      const empty = await ChatPage.open(context, `${server.app.url}?room=empty`);
      await empty.page.getByText("There are no messages in empty yet.").waitFor();
      assertEquals(await accessibilityFaults(empty.page), []);

      const chat = await ChatPage.open(context, `${server.app.url}?stats`);
      await chat.status("Connected");
      for (const [at, peer] of peers.entries()) {
        peer.say(`message ${at} with https://example.org/${"x".repeat(60)}`, `${at}`);
        await peer.next("ack");
      }
      await chat.page.locator("#rows .text").nth(peers.length - 1).waitFor();
      await chat.field.fill("x".repeat(70_000));
      await chat.page.getByRole("button", { name: "Send" }).click();
      if (size === "wide") await chat.page.locator("#charts canvas").first().waitFor();
      assertEquals(await accessibilityFaults(chat.page), []);
      const { scrollWidth, scrollHeight } = await chat.page.evaluate<
        { scrollWidth: number; scrollHeight: number }
      >(
        "(({ scrollWidth, scrollHeight }) => ({ scrollWidth, scrollHeight }))" +
          "(document.documentElement)",
      );
      assertEquals([scrollWidth, scrollHeight], [viewport.width, viewport.height]);
      if (size === "phone") {
        for (const [button, drawer] of [["Rooms", "#rooms"], ["Who is here: 13", "#side"]]) {
          await chat.page.getByRole("button", { name: button!, exact: true }).click();
          await chat.page.locator(drawer!).waitFor();
          assertEquals(await accessibilityFaults(chat.page), []);
          await chat.page.keyboard.press("Escape");
          await chat.page.locator(drawer!).waitFor({ state: "hidden" });
        }
      }
      await chat.page.getByRole("button", { name: "Copy as curl" }).click();
      assertEquals(await accessibilityFaults(chat.page), []);
      for (const peer of peers) await peer[Symbol.asyncDispose]();
    },
  });
}

Deno.test({
  name: "everything can be reached with the keyboard, and shows that it has the focus",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await using browser = await launchBrowser();
    const chat = await ChatPage.open(browser, `${server.app.url}?room=tea`);
    await chat.status("Connected");
    const isFocused = "document.activeElement === document.querySelector('#text')";
    assertEquals(await chat.page.evaluate(isFocused), true);
    const reached: string[] = [];
    for (let count = 0; count < 30; count++) {
      await chat.page.keyboard.press("Tab");
      const [name, hasOutline] = await chat.page.evaluate<[string, boolean]>(`(() => {
        const { activeElement } = document;
        if (activeElement === document.body) return ["body", true];
        const shown = activeElement.closest(".field") ?? activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(activeElement);
        const hasRing = outlineStyle !== "none" && outlineWidth !== "0px";
        const hasShadow = getComputedStyle(shown).boxShadow !== "none";
        return [activeElement.id || activeElement.textContent.trim(), hasRing || hasShadow];
      })()`);
      assertEquals(hasOutline, true, name);
      if (reached.includes(name)) break;
      reached.push(name);
    }
    for (const id of ["text", "send", "name", "join-name", "curl-button", "stats-button", "log"]) {
      assertEquals(reached.includes(id), true, `${id} of ${reached}`);
    }
    assertEquals(chat.problems, []);
  },
});
