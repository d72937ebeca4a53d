import type { Browser, Page } from "playwright-core";

const CHROMIUM_PATH = "/usr/bin/chromium";

const HOW_TO_INSTALL = `${CHROMIUM_PATH} is missing: install it with \`apt-get install chromium\``;

/** Whether browser tests are to be skipped. Says so loudly; with CI=true a missing browser is a failure instead. */
export const isBrowserMissing = await (async () => {
  try {
    await Deno.stat(CHROMIUM_PATH);
    return false;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (Deno.env.get("CI") === "true") throw new Error(HOW_TO_INSTALL);
    console.error(`\n*** BROWSER TESTS SKIPPED: ${HOW_TO_INSTALL} ***\n`);
    return true;
  }
})();

/** A Chromium with a fresh profile that leaves the network alone. */
export async function launchBrowser(): Promise<Browser> {
  // As it loads, playwright-core looks below /proc for a sign of WSL, which Deno allows to none but a program that may do
  // everything. This variable, made for the tests of the package that looks, puts that off until it is needed: never.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  return chromium.launch({
    executablePath: CHROMIUM_PATH,
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens a page and collects whatever its console complains about. */
export async function openPage(
  browser: Browser,
  url: string,
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}
