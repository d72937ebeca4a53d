import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Peer } from "../socket/peer.ts";
import { ENGINES, startTestApp } from "../socket/test_app.ts";
import { isBrowserMissing, launchBrowser, openPage } from "./browser.ts";

/** Subscribes, and shows each event on the page. */
const SUBSCRIBE = `
  const events = new EventSource("/rooms/tea/events");
  const show = (text) => document.body.append("[" + text + "]");
  events.addEventListener("error", ({ data }) =>
    show(data ? JSON.parse(data).code : "state " + events.readyState));
  events.addEventListener("welcome", () => show("welcome"));
  events.onmessage = ({ data }) => show(JSON.parse(data).text);
`;

for (const engine of ENGINES) {
  Deno.test({
    name: `${engine}: EventSource comes back after it was refused with a 503`,
    ignore: isBrowserMissing,
    async fn() {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/chat.db`;
      const browser = await launchBrowser();
      {
        await using server = await startTestApp({ engine, data: path });
        const { page } = await openPage(browser, new URL("/page.css", server.app.url).href);
        using database = new DatabaseSync(path);
        database.exec("ALTER TABLE rooms RENAME TO moved");
        await page.evaluate(SUBSCRIBE);
        // It has got the error, and is about to reconnect (readyState 0).
        await page.getByText("[history_unavailable][state 0]").first().waitFor();
        database.exec("ALTER TABLE moved RENAME TO rooms");
        await page.getByText("[welcome]").waitFor();
        await using peer = await Peer.open(`${server.url}?room=tea`);
        peer.send("hello");
        await page.getByText("[hello]").waitFor();
        assertEquals(server.app.connectionCount, 2);
      }
      await browser.close();
      await Deno.remove(folder, { recursive: true });
    },
  });
}
