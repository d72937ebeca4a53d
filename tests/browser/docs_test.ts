import { assert, assertEquals } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { isMissing } from "../missing_program.ts";
import { ENGINES, startTestApp } from "../socket/test_app.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { isBrowserMissing, launchBrowser, openPage } from "./browser.ts";

const CURL_PATH = "/usr/bin/curl";
const isCurlMissing = await isMissing({ path: CURL_PATH, debianPackage: "curl" });

/** Calls a function with the page in a browser, and checks that the browser had no complaint. */
async function withDocs(
  url: URL,
  use: (page: Page, browser: Browser) => Promise<void>,
): Promise<void> {
  const browser = await launchBrowser();
  const { page, problems } = await openPage(browser, new URL("docs", url).href);
  await use(page, browser);
  assertEquals(problems, []);
  await browser.close();
}

/** Lets a button that has copied say so until the test has seen it. */
function stopTimers(page: Page): Promise<void> {
  return page.evaluate("window.setTimeout = () => {}");
}

/** Copies the first example below a heading. */
async function copyExample(page: Page, headingId: string): Promise<string> {
  const button = page.locator(`#${headingId} ~ .code`).first().getByRole("button");
  await button.click();
  await button.filter({ hasText: "Copied" }).waitFor();
  return await page.evaluate<string>("navigator.clipboard.readText()");
}

/** Runs commands in a shell, and returns what they print. */
async function run(commands: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("sh", { args: ["-ec", commands] })
    .output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

for (const engine of ENGINES) {
  Deno.test({
    name: `${engine}: the examples of /docs run as they are copied`,
    ignore: isBrowserMissing || isCurlMissing,
    async fn() {
      await using server = await startTestApp({ engine });
      await withDocs(server.app.url, async (page, browser) => {
        await browser.contexts()[0]!.grantPermissions(["clipboard-read", "clipboard-write"]);
        await stopTimers(page);
        const published = await run(await copyExample(page, "server-publish-a-message"));
        assertEquals(published.match(/"position"/g)?.length, 2);
        const rooms = await run(await copyExample(page, "server-list-the-rooms"));
        assertEquals(JSON.parse(rooms).rooms[0].name, "lobby");
        const history = await run(await copyExample(page, "server-read-the-history"));
        const [head, body] = history.split("\r\n\r\n");
        assertEquals([head!.split(" ")[1], JSON.parse(body!).messages[0].text], ["200", "hi"]);
      });
    },
  });
}

Deno.test({
  name: "the Copy buttons of /docs work without navigator.clipboard, which http pages do not have",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await withDocs(server.app.url, async (page, browser) => {
      await browser.contexts()[0]!.grantPermissions(["clipboard-read", "clipboard-write"]);
      await stopTimers(page);
      await page.evaluate(`
        window.clipboard = navigator.clipboard;
        Object.defineProperty(navigator, "clipboard", { value: undefined });
      `);
      const example = page.locator("#server-list-the-rooms ~ .code").first();
      await example.getByRole("button").click();
      await page.getByRole("status").filter({ hasText: "Copied" }).waitFor();
      const text = await page.evaluate<string>("clipboard.readText()");
      assertEquals(text, `curl ${new URL("/rooms", server.app.url)}`);
      // The reader stays where the example is.
      await example.waitFor({ state: "visible" });
      assert((await example.boundingBox())!.y > 0);
      assertEquals(await page.evaluate("document.activeElement.textContent"), "Copied");
    });
  },
});

Deno.test({
  name: "/docs names this server instead of the one in the manuals, in all its URLs",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await withDocs(server.app.url, async (page) => {
      const code = (await page.locator("code").allTextContents()).join("\n");
      const { host } = server.app.url;
      assert(code.includes(`http://${host}/rooms/lobby/messages`));
      assert(code.includes(`ws://${host}/ws`));
      assertEquals(code.match(/\/\/127\.0\.0\.1:8000|localhost:8000/g), null);
    });
  },
});

for (
  const { colorScheme, width } of [{ colorScheme: "light", width: 1280 }, {
    colorScheme: "dark",
    width: 360,
  }] as const
) {
  Deno.test({
    name:
      `${colorScheme}: axe-core finds nothing wrong with /docs, which fits into ${width} pixels`,
    ignore: isBrowserMissing,
    async fn() {
      await using server = await startTestApp();
      await withDocs(server.app.url, async (page) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        assertEquals(await accessibilityFaults(page), []);
        assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width);
      });
    },
  });
}

Deno.test({
  name: "the contents of /docs are open beside the text, and closed above it",
  ignore: isBrowserMissing,
  async fn() {
    await using server = await startTestApp();
    await withDocs(server.app.url, async (page) => {
      const link = page.getByRole("navigation").getByRole("link", { name: "HTTP API" });
      await link.click();
      assertEquals(new URL(page.url()).hash, "#server-http-api");
      await page.locator('nav [href="#server-http-api"][aria-current]').waitFor();
      // The headings below it show now.
      await page.getByRole("navigation").getByRole("link", { name: "Read the history" }).waitFor();

      await page.setViewportSize({ width: 360, height: 800 });
      await link.waitFor({ state: "hidden" });
      await page.getByText("Contents", { exact: true }).click();
      await link.click();
      await link.waitFor({ state: "hidden" });
    });
  },
});
