import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { AdminToken } from "../../lib/server/security/admin_token.ts";
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

const MANUAL = await Deno.readTextFile(new URL("../../lib/server/README.md", import.meta.url));

/** The example of the manual that does not let `EventSource` reconnect. */
const STAY_CLOSED = MANUAL.match(/^```js\n(events\.addEventListener[^]*?)^```$/m)![1]!;

Deno.test({
  name:
    "EventSource does not reconnect after its room was deleted, if it does what the manual says",
  ignore: isBrowserMissing,
  async fn() {
    const token = "0123456789abcdef";
    await using server = await startTestApp({}, { adminToken: new AdminToken(token) });
    const browser = await launchBrowser();
    const { page } = await openPage(browser, new URL("/healthz", server.app.url).href);
    const showState = 'events.addEventListener("error", () => show(events.readyState));';
    await page.evaluate(`${SUBSCRIBE}${STAY_CLOSED}${showState}`);
    await page.getByText("[welcome]").waitFor();
    const headers = { authorization: `Bearer ${token}` };
    const url = new URL("/admin/rooms/tea", server.app.url);
    await (await fetch(url, { method: "DELETE", headers })).body?.cancel();
    // Now it is closed (readyState 2).
    await page.getByText("[room_deleted][2]").waitFor();
    assertEquals(server.app.chat.rooms.size, 0);
    await browser.close();
  },
});

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
        const { page } = await openPage(browser, new URL("/healthz", server.app.url).href);
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
        assertEquals(server.app.chat.size, 2);
      }
      await browser.close();
      await Deno.remove(folder, { recursive: true });
    },
  });
}
