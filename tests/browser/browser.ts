import type { Browser, Page } from "playwright-core";
import { isMissing } from "../missing_program.ts";

const CHROMIUM_PATH = "/usr/bin/chromium";

/** Whether to skip browser tests. */
export const isBrowserMissing = await isMissing({ path: CHROMIUM_PATH, debianPackage: "chromium" });

/** Starts Chromium with a fresh profile and without background network traffic. */
export async function launchBrowser(): Promise<Browser> {
  // While loading, playwright-core checks /proc for signs of WSL. Deno allows that only with all
  // permissions. The `is-wsl` package skips the check if this variable is set.
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

/** Opens a page and collects its errors and console messages. */
export async function openPage(
  browser: Browser,
  url: string,
): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage();
  const problems = collectProblems(page);
  await page.goto(url);
  return { page, problems };
}

/** Collects the errors and the console messages of a page from now on. */
export function collectProblems(page: Page): string[] {
  const problems: string[] = [];
  page.on("console", (message) => problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  return problems;
}
