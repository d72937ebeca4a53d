import { assert, assertEquals } from "@std/assert";
import { ChorusPeer } from "./chorus_peer.ts";
import { EventSource } from "./event_source.ts";
import { closeAll, Peer } from "./peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

const HOUR_MS = 3_600_000;

/** Whether a delay is at least `fromMs`, and longer by at most `spreadMs`. */
function assertDelay(inMs: number, fromMs: number, spreadMs: number): void {
  assert(Number.isInteger(inMs) && inMs >= fromMs && inMs <= fromMs + spreadMs, `${inMs}`);
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: App.drain() closes members one after another over the window`, async () => {
    const times = { drainWindowMs: HOUR_MS, drainTimeoutMs: 2 * HOUR_MS };
    await using server = await startTestApp({ engine, ...times });
    const peers = await Peer.openMany(server.url, 4);
    // The window ends with the last member.
    await using _leaving = { [Symbol.asyncDispose]: () => closeAll(peers) };
    for (const _ of peers) await server.logged("{id} connected");
    const drained = server.app.drain();
    const { message } = await server.logged("Closing");
    assertEquals(message.join(""), `Closing all members over ${HOUR_MS} ms (members: 4)`);
    // The first one is closed at once, the next one after a quarter of the window.
    const first = await Promise.race(peers.map(async (peer) => {
      assertEquals(await peer.closed, { code: 1001, reason: "going away" });
      return peer;
    }));
    const [one, two, three] = peers.filter((peer) => peer !== first) as [Peer, Peer, Peer];
    one.send("still here");
    assertEquals([await two.next(), await three.next()], ["still here", "still here"]);
    const statuses = [];
    for (const path of ["/healthz", "/readyz", "/ws", "/rooms"]) {
      const response = await fetch(new URL(path, server.app.url));
      await response.body?.cancel();
      statuses.push(response.status);
    }
    assertEquals(statuses, [200, 503, 503, 503]);
    await closeAll([one, two, three]);
    await drained;
  });

  Deno.test(`${engine}: App.drain() tells chorus.v1 members when to reconnect`, async () => {
    const folder = await Deno.makeTempDir();
    const data = `${folder}/chat.db`;
    for (
      const [config, fromMs, spreadMs] of [
        [{}, 0, 1000],
        [{ drainWindowMs: 100 }, 0, 100],
        // The next server can start only when this one has ended.
        [{ data, drainHandoverMs: 500 }, 500, 1000],
        [{ data, drainHandoverMs: 500, drainWindowMs: 100 }, 600, 100],
      ] as const
    ) {
      await using server = await startTestApp({ engine, ...config });
      const peers = await Promise.all([1, 2, 3].map(() => ChorusPeer.open(server.url)));
      await using events = await EventSource.open(new URL("/rooms/lobby/events", server.app.url));
      await events.next();
      await server.app.drain();
      for (const peer of peers) {
        assertDelay((await peer.next("reconnect")).inMs, fromMs, spreadMs);
        assertEquals((await peer.closed).code, 1001);
      }
      for (;;) {
        const { event, data, retry } = (await events.next())!;
        if (event !== "reconnect") continue;
        assertDelay(Number(retry), fromMs, spreadMs);
        assertEquals(data, JSON.stringify({ type: "reconnect", inMs: Number(retry) }));
        assertEquals(await events.next(), undefined);
        break;
      }
    }
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test(`${engine}: a member that is closed in the window has missed nothing until then`, async () => {
    const folder = await Deno.makeTempDir();
    const config = { engine, data: `${folder}/chat.db` };
    const transcripts: string[][] = [];
    const acked: string[] = [];
    {
      await using server = await startTestApp({ ...config, drainWindowMs: 300 });
      const readers = await Peer.openMany(server.url, 9);
      for (const _ of readers) await server.logged("{id} connected");
      // It is closed last, as it joined last.
      const speaker = await ChorusPeer.open(server.url);
      // Each message follows the ack of the last one, until the speaker is closed.
      const speaking = (async () => {
        for (let count = 0;; count++) {
          speaker.say(`${count}`, `${count}`);
          const answer = await speaker.next("ack", "reconnect");
          if (answer.type === "reconnect") return;
          acked.push(`${count}`);
        }
      })();
      const reading = readers.map(async (reader, index) => {
        const texts: string[] = transcripts[index] = [];
        for (;;) {
          const text = await reader.next().catch(() => undefined);
          if (text === undefined) return;
          texts.push(`${text}`);
        }
      });
      await server.app.drain();
      await Promise.all([speaking, ...reading]);
    }
    await using server = await startTestApp(config);
    const stored: string[] = [];
    for (let path = "/rooms/lobby/messages?limit=1000"; path !== "";) {
      const response = await fetch(new URL(path, server.app.url));
      const { messages } = await response.json();
      stored.push(...messages.map(({ text }: { text: string }) => text));
      path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1] ?? "";
    }
    // A message that was not acked may be stored too.
    assertEquals(stored.slice(0, acked.length), acked);
    for (const texts of transcripts) assertEquals(texts, stored.slice(0, texts.length));
    assert(transcripts.some((texts) => texts.length > 0));
    await Deno.remove(folder, { recursive: true });
  });
}
