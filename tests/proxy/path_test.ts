import { assertEquals } from "@std/assert";
import { isBrowserMissing, launchBrowser } from "../browser/browser.ts";
import { isMissing } from "../missing_program.ts";
import { Peer } from "../socket/peer.ts";
import { startTestApp } from "../socket/test_app.ts";
import { nginx } from "./nginx.ts";
import { Proxy, type ProxyProgram } from "./proxy.ts";
import { adapt, snippets } from "./snippets.ts";

/** The location that serves Chorus below a path, from the example of the manual. */
const [LOCATION] = snippets("nginx")[0]!.match(/^ {2}location \/ {[^]*?^ {2}}$/m)!;
const BELOW_PATH = adapt(LOCATION, {
  "location / {": "location /chat/ {",
  "http://chorus;": "http://chorus/;",
});

const program: ProxyProgram = {
  ...nginx,
  configOf: async (ports) =>
    adapt(await nginx.configOf(ports), { [LOCATION]: `${LOCATION}\n${BELOW_PATH}` }),
};

Deno.test({
  name: "nginx: the chat page and /docs work below a path that the proxy removes",
  ignore: isBrowserMissing || await isMissing(program),
  async fn() {
    await using server = await startTestApp({ allowOrigin: ["*"] });
    await using proxy = await Proxy.start(program, server.port);
    await using reader = await Peer.open(server.url);
    const browser = await launchBrowser();
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    const problems: string[] = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("requestfailed", (request) => problems.push(request.url()));
    const base = `https://127.0.0.1:${proxy.port}/chat`;

    await page.goto(`${base}/docs`);
    const code = (await page.locator("code").allTextContents()).join("\n");
    assertEquals(code.includes(`${base}/rooms/lobby/messages`), true);
    assertEquals(code.includes(`${base.replace("https", "wss")}/ws`), true);

    await page.getByRole("link", { name: "Open the chat" }).click();
    await page.waitForURL(`${base}/`);
    const message = page.getByRole("textbox", { name: "Message" });
    await message.fill("from below");
    await page.getByRole("button", { name: "Send" }).click();
    assertEquals(await reader.next(), "from below");

    assertEquals(problems, []);
    await browser.close();
  },
});
