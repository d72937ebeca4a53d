import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { collectProblems } from "./browser.ts";

/**
 * What Chromium says of a connection when the server is down, or the page is offline. A server that
 * is killed may still take a connection and reset it: its listening socket may be closed last.
 */
const FAILED_CONNECTION = new RegExp(
  "^(Failed to load resource: net::ERR_[A-Z_]+|WebSocket connection to '[^']+' failed: " +
    "((Error in connection establishment: )?net::ERR_[A-Z_]+|" +
    "Error during WebSocket handshake: net::ERR_CONNECTION_RESET))$",
);

/** The chat page in a browser, as a user finds it. */
export class ChatPage {
  readonly page: Page;
  /** The errors of the page, and the messages on its console. */
  readonly problems: readonly string[];
  /** Called with each text that the page gets over a WebSocket. */
  readonly #watchers = new Set<(frame: string) => void>();

  private constructor(page: Page) {
    this.page = page;
    this.problems = collectProblems(page);
    page.on("websocket", (socket) =>
      socket.on("framereceived", ({ payload }) => {
        for (const watch of this.#watchers) watch(String(payload));
      }));
  }

  /** Opens the page. Pages of the same context share what they store. */
  static async open(context: Browser | BrowserContext, url: string | URL): Promise<ChatPage> {
    const chat = new ChatPage(await context.newPage());
    await chat.page.goto(String(url));
    return chat;
  }

  /** The problems apart from failed connections, which the browser reports on the console. */
  get unexpectedProblems(): string[] {
    return this.problems.filter((problem) => !FAILED_CONNECTION.test(problem));
  }

  get field(): Locator {
    return this.page.getByRole("textbox", { name: "Message" });
  }

  get nameField(): Locator {
    return this.page.getByRole("textbox", { name: "Your name" });
  }

  get log(): Locator {
    return this.page.getByRole("log", { name: "Messages" });
  }

  get members(): Locator {
    return this.page.getByRole("list", { name: "Here" }).getByRole("listitem");
  }

  /** Waits until the status line says this. */
  async status(text: string | RegExp): Promise<void> {
    await this.page.getByRole("status").filter({ hasText: text }).waitFor();
  }

  /** Waits until the page has this title. */
  async titled(title: string): Promise<void> {
    // Playwright's waitForFunction() needs eval(), which the policy of the page forbids.
    await this.page.evaluate(`new Promise((resolve, reject) => {
      const check = () => document.title === ${JSON.stringify(title)} && resolve();
      new MutationObserver(check).observe(document.head, { childList: true, subtree: true });
      check();
      setTimeout(() => reject(new Error("The title is " + document.title)), 20_000);
    })`);
  }

  /** Resolves when the page gets a frame with this text. */
  received(text: string): Promise<void> {
    return new Promise((resolve) => {
      const watch = (frame: string) => {
        if (!frame.includes(text)) return;
        this.#watchers.delete(watch);
        resolve();
      };
      this.#watchers.add(watch);
    });
  }

  /** Types a message and sends it. */
  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press("Enter");
  }

  /** Waits until the room has this message. */
  async shows(text: string): Promise<void> {
    await this.page.locator("#rows").getByText(text, { exact: true }).waitFor();
  }

  /** The texts of all messages in the document, in their order. */
  texts(): Promise<string[]> {
    return this.log.locator(".text").allTextContents();
  }

  /** Chooses a name, and waits until the server knows it. */
  async rename(name: string): Promise<void> {
    await this.nameField.fill(name);
    await this.nameField.press("Enter");
    await this.members.filter({ hasText: `${name}you` }).waitFor();
  }
}
